// SPDX-License-Identifier: Apache-2.0

import MTProtoTransport
import NIOCore
import Testing

@testable import MTProtoSession

@Suite struct PlaintextMessageTests {
    /// The first message of the official sample exchange.
    private static let request = ByteBuffer(
        wireHex: """
            000000000000000064f70d00fcc0ab6514000000f18e7ebe15a084b3b9ca2a17
            f03925f44b78fe68
            """
    )
    /// Its answer, without the padding; the length covers the 104 bytes that are left off.
    private static let answer = ByteBuffer(
        wireHex: """
            000000000000000001c46fbefcc0ab65b80000006324160515a084b3b9ca2a17
            f03925f44b78fe68d6701fcd212ceb87c966e5318f5564a8081460e7d3fa7277
            9100000015c4b51c03000000a5b7f709355fc30b216be86c022bb4c385fd64de
            851d9dd0
            """
    )

    @Test func sampleRequest() throws {
        let message = try PlaintextMessage(parsing: Self.request)
        #expect(message.identifier == 0x65ab_c0fc_000d_f764)
        #expect(try RequestPQMulti(message.body) == RequestPQMulti(nonce: TLSample.nonce))
        #expect(message.serialized() == Self.request)
    }

    @Test func sampleAnswerWithItsPadding() throws {
        var payload = Self.answer
        payload.writeRepeatingByte(0xee, count: 104)
        let message = try PlaintextMessage(parsing: payload)
        #expect(message.body.readableBytes == 184)
        let result = try ResultPQ(message.body)
        #expect(result.nonce == TLSample.nonce)
        #expect(result.serverNonce == TLSample.serverNonce)
        #expect(result.product == TLSample.product)
        #expect(result.fingerprints.count == 3)
    }

    @Test func payloadHasRoomForTheLayersBelow() {
        let payload = PlaintextMessage(identifier: 1, body: TLSample.pingBody).serialized()
        #expect(payload.readerIndex == TransportConnection.payloadHeadroom)
        #expect(payload.writableBytes >= TransportConnection.payloadTailroom)
        #expect(payload.readableBytes == 32)
    }

    @Test func bytesBehindTheDeclaredLengthAreIgnored() throws {
        var payload = Self.request
        payload.writeRepeatingByte(0xee, count: 15)
        #expect(try PlaintextMessage(parsing: payload).body.readableBytes == 20)
    }

    @Test(arguments: [0, 1, 3] as [UInt64]) func anyIdentifierIsRead(identifier: UInt64) throws {
        let payload = PlaintextMessage(identifier: identifier, body: ByteBuffer()).serialized()
        #expect(try PlaintextMessage(parsing: payload).identifier == identifier)
    }

    @Test func everyTruncationIsRefused() {
        for length in 0..<Self.request.readableBytes {
            #expect(throws: MessageError.malformedPlaintext, "\(length) bytes") {
                try PlaintextMessage(parsing: Self.request.prefix(length))
            }
        }
    }

    @Test(arguments: [-1, .min, 21, .max] as [Int32]) func wrongLengthsAreRefused(length: Int32) {
        var payload = Self.request
        payload.setInteger(length, at: 16, endianness: .little)
        #expect(throws: MessageError.malformedPlaintext) { try PlaintextMessage(parsing: payload) }
    }

    @Test func keysAreRefused() {
        for index in 0..<8 {
            var payload = Self.request
            payload.setInteger(UInt8(1), at: index)
            #expect(throws: MessageError.malformedPlaintext) { try PlaintextMessage(parsing: payload) }
        }
    }
}
