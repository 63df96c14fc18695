// SPDX-License-Identifier: Apache-2.0

import NIOCore
import Testing

@testable import MTProtoSession

@Suite struct QueryEnvelopeTests {
    private static let query = TLSample.getConfig

    private func initConnection(_ query: ByteBuffer) -> ByteBuffer {
        var wrapper = TLSample.initConnection
        wrapper.query = query
        return wrapper.serialized()
    }

    private func withLayer(_ query: ByteBuffer, layer: Int32 = 228) -> ByteBuffer {
        InvokeWithLayer(layer: layer, query: query).serialized()
    }

    private func packed(_ query: ByteBuffer) -> ByteBuffer { GzipPacked(compressing: query).serialized() }

    @Test func bareQueriesStay() throws {
        let envelope = try QueryEnvelope.unwrap(Self.query)
        #expect(envelope == QueryEnvelope(query: Self.query))
        #expect(envelope.queryConstructor == HelpGetConfig.constructor)
    }

    @Test func usualFirstQuery() throws {
        let envelope = try QueryEnvelope.unwrap(
            ByteBuffer(
                wireHex: """
                    0d0d9bdae4000000a95ecdc10000000039300000045465737400000003312e30
                    03302e3102656e000000000002656e006b18f9c4
                    """
            )
        )
        #expect(envelope.layer == 228)
        #expect(envelope.initConnection?.apiIdentifier == 12_345)
        #expect(envelope.initConnection?.deviceModel == "Test")
        #expect(envelope.initConnection?.query == ByteBuffer())
        #expect(envelope.query == Self.query)
        #expect(!envelope.withoutUpdates)
        #expect(!envelope.wasCompressed)
    }

    @Test func wrappersComeInAnyOrder() throws {
        let wrappers: [(String, (ByteBuffer) -> ByteBuffer)] = [
            ("layer", { self.withLayer($0) }), ("init", { self.initConnection($0) }),
            ("after", { InvokeAfterMessage(messageIdentifier: 7, query: $0).serialized() }),
            ("updates", { InvokeWithoutUpdates(query: $0).serialized() }), ("gzip", { self.packed($0) }),
        ]
        func permutations(_ rest: [Int]) -> [[Int]] {
            rest.isEmpty
                ? [[]] : rest.flatMap { first in permutations(rest.filter { $0 != first }).map { [first] + $0 } }
        }
        for order in permutations(Array(wrappers.indices)) {
            let body = order.reversed().reduce(Self.query) { wrappers[$1].1($0) }
            let envelope = try QueryEnvelope.unwrap(body)
            let comment = Comment(rawValue: order.map { wrappers[$0].0 }.joined(separator: " "))
            #expect(envelope.query == Self.query, comment)
            #expect(envelope.layer == 228, comment)
            #expect(envelope.initConnection != nil, comment)
            #expect(envelope.after == [7], comment)
            #expect(envelope.withoutUpdates, comment)
            #expect(envelope.wasCompressed, comment)
        }
    }

    @Test func otherWrappers() throws {
        let range = MessageRange(minimumIdentifier: 1, maximumIdentifier: 2)
        let body = InvokeAfterMessages(
            messageIdentifiers: [1, 2],
            query: InvokeWithTakeout(
                takeoutIdentifier: -3,
                query: InvokeWithMessagesRange(
                    range: range,
                    query: InvokeAfterMessage(messageIdentifier: 3, query: Self.query).serialized()
                ).serialized()
            ).serialized()
        ).serialized()
        let envelope = try QueryEnvelope.unwrap(body)
        #expect(envelope.after == [1, 2, 3])
        #expect(envelope.takeoutIdentifier == -3)
        #expect(envelope.messageRange == range)
        #expect(envelope.query == Self.query)
    }

    @Test func innermostLayerCounts() throws {
        let envelope = try QueryEnvelope.unwrap(self.withLayer(self.withLayer(Self.query, layer: 1), layer: 2))
        #expect(envelope.layer == 1)
    }

    @Test func innerZlibOfTDLib() throws {
        // help.getConfig, packed by Python's zlib at level 9.
        let zlib = GzipPacked(packedData: ByteBuffer(wireHex: "78dacb96f879040004ae0241"))
        let envelope = try QueryEnvelope.unwrap(self.withLayer(self.initConnection(zlib.serialized())))
        #expect(envelope.query == Self.query)
        #expect(envelope.wasCompressed)
    }

    @Test func depthIsBounded() throws {
        let sixteen = (0..<16).reduce(Self.query) { query, _ in self.withLayer(query) }
        #expect(try QueryEnvelope.unwrap(sixteen).query == Self.query)
        #expect(throws: TLError.tooDeep) { try QueryEnvelope.unwrap(self.withLayer(sixteen)) }
    }

    @Test func compressionDoesNotNest() {
        let twice = self.packed(self.withLayer(self.packed(Self.query)))
        #expect(throws: TLError.nestedCompression) { try QueryEnvelope.unwrap(twice) }
    }

    @Test func wrappersWithoutAQueryAreRefused() {
        for body in [
            self.withLayer(ByteBuffer()), self.initConnection(ByteBuffer()),
            InvokeWithoutUpdates(query: ByteBuffer()).serialized(), self.packed(ByteBuffer()), ByteBuffer(),
        ] {
            #expect(throws: TLError.truncated) { try QueryEnvelope.unwrap(body) }
        }
    }

    @Test func everyTruncationOfTheWrappersIsRefused() {
        let body = self.withLayer(self.initConnection(InvokeWithoutUpdates(query: Self.query).serialized()))
        for length in 0..<body.readableBytes {
            #expect(throws: TLError.self, "\(length) bytes") { try QueryEnvelope.unwrap(body.prefix(length)) }
        }
    }
}
