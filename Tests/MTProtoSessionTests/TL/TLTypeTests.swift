// SPDX-License-Identifier: Apache-2.0

import MTProtoCrypto
import NIOCore
import Testing

@testable import MTProtoSession

/// What every TL type must do, from one table of samples.
@Suite struct TLTypeTests {
    /// The two lines whose number is not the CRC-32 of the line.
    private static let assigned: Set<UInt32> = [0x5a59_2a6c, 0x4679_b65f]
    /// `ipPortSecret`, whose number is that of the line as it stands.
    private static let withoutReplacement: UInt32 = 0x3798_2646

    @Test(arguments: TLSample.all) func readsWhatItWrites(sample: TLSample) throws {
        let (isEqual, written) = try sample.read(sample.bytes)
        #expect(isEqual)
        #expect(written == sample.bytes)
        #expect(sample.bytes.readableBytes.isMultiple(of: 4))
    }

    @Test(arguments: TLSample.all) func beginsWithTheNumberOfItsLine(sample: TLSample) throws {
        let printed = try #require(sample.printedConstructor)
        #expect(sample.bytes.tlConstructor == printed)
        if !Self.assigned.contains(printed) {
            let computed = sample.computedConstructor(replacingBytes: printed != Self.withoutReplacement)
            #expect(String(computed, radix: 16) == String(printed, radix: 16))
        }
    }

    @Test(arguments: TLSample.all) func ignoresWhatFollows(sample: TLSample) throws {
        guard sample.openLength == 0 else { return }
        var padded = sample.bytes
        padded.writeRepeatingByte(0xa5, count: 13)
        #expect(try sample.read(padded).isEqual)
    }

    @Test(arguments: TLSample.all) func refusesEveryTruncation(sample: TLSample) throws {
        for length in 0..<sample.bytes.readableBytes - sample.openLength {
            #expect(throws: TLError.self, "\(length) bytes") { try sample.read(sample.bytes.prefix(length)) }
        }
    }

    @Test(arguments: TLSample.all) func survivesEveryChangedByte(sample: TLSample) {
        for index in 0..<sample.bytes.readableBytes {
            for value: UInt8 in [0x00, 0x7f, 0x80, 0xff] {
                var changed = sample.bytes
                changed.setInteger(value, at: index)
                // A changed value may still be a value; it must only not trap.
                _ = try? sample.read(changed)
                _ = try? MessageBody.parse(changed)
                _ = try? QueryEnvelope.unwrap(changed)
            }
        }
    }

    @Test(arguments: TLSample.all) func refusesAnotherConstructor(sample: TLSample) {
        var other = sample.bytes
        other.setInteger(UInt32(0xdead_beef), at: other.readerIndex, endianness: .little)
        #expect(throws: TLError.unexpectedConstructor(0xdead_beef)) { try sample.read(other) }
    }

    /// A name of the wrong case would mix up the types of the four exchange enumerations.
    @Test func samplesAreOfDifferentTypes() {
        let numbers = Set(TLSample.all.compactMap(\.printedConstructor))
        #expect(numbers.count == TLSample.all.count - 3)
        #expect(numbers.count == 89)
    }

    @Test func methodsReadTheirAnswers() throws {
        func answer<Method: TLMethod>(to method: Method.Type, _ value: some TLBoxed) throws -> Method.Result {
            var reader = TLReader(value.serialized())
            return try Method.readResult(&reader)
        }
        let pong = Pong(messageIdentifier: 1, pingIdentifier: 2)
        #expect(try answer(to: Ping.self, pong) == pong)
        #expect(try answer(to: PingDelayDisconnect.self, pong) == pong)
        let salts = FutureSalts(requestIdentifier: 1, now: 2, salts: [])
        #expect(try answer(to: GetFutureSalts.self, salts) == salts)
        let gone = DestroySessionResult.ok(DestroySessionOK(sessionIdentifier: 4))
        #expect(try answer(to: DestroySession.self, gone) == gone)
        #expect(try answer(to: HelpGetConfig.self, TLSample.fullConfig()) == TLSample.fullConfig())
        #expect(try answer(to: InvokeWithLayer.self, pong) == pong.serialized())
        #expect(try answer(to: InitConnection.self, pong) == pong.serialized())
        var reader = TLReader(ByteBuffer(wireHex: "b5757299"))
        #expect(try BindTemporaryAuthKey.readResult(&reader))
        #expect(throws: TLError.unexpectedConstructor(Pong.constructor)) {
            try answer(to: HelpGetNearestDataCenter.self, pong)
        }
    }
}
