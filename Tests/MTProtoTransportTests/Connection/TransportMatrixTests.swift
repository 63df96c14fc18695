// SPDX-License-Identifier: Apache-2.0

import MTProtoCrypto
import MTProtoTransport
import NIOCore
import Testing

/// Framing × obfuscation × role × split schedule, for each kind of content.
struct TransportMatrixTests {
    static let payloads = [
        Payloads.requestPQ, Payloads.ping, Payloads.encrypted(blocks: 3), Payloads.encrypted(blocks: 29),
        Payloads.encrypted(blocks: 30), Payloads.encrypted(blocks: 31), Payloads.plaintext(body: 4),
        Payloads.encrypted(blocks: 130), Payloads.ping,
    ]

    /// The event that a server starts with.
    static func opening(_ setup: StreamSetup) -> [TransportEvent] {
        guard setup.role == .server else { return [] }
        return [
            .handshake(
                TransportHandshake(
                    framing: setup.framing,
                    isObfuscated: setup.cover != .plain,
                    dataCenter: setup.cover == .plain ? nil : 2,
                    secretIndex: setup.cover == .plain ? nil : 0
                )
            )
        ]
    }

    /// An encoder for the peer of the tested side.
    static func encoder(_ setup: StreamSetup) -> FrameEncoder {
        FrameEncoder(framing: setup.framing, role: setup.role == .client ? .server : .client, random: .seeded(6))
    }

    static func frame(
        _ payload: [UInt8],
        _ encoder: inout FrameEncoder,
        requestQuickAck: Bool = false
    ) throws -> [UInt8] {
        var buffer = ByteBuffer.payload(payload)
        try encoder.encode(&buffer, requestQuickAck: requestQuickAck)
        return buffer.bytes
    }

    @Test("Data", arguments: StreamSetup.all)
    func data(setup: StreamSetup) throws {
        var peer = try StreamPeer.make(setup)
        var encoder = Self.encoder(setup)
        var pieces = [peer.preamble]
        for payload in Self.payloads { pieces.append(peer.wire(try Self.frame(payload, &encoder))) }
        let events = try peer.deliver(setup.split.reads(pieces))
        let expected = Self.payloads.map { TransportEvent.payload(ByteBuffer(bytes: $0), quickAckRequested: false) }
        #expect(events == Self.opening(setup) + expected, "\(setup)")
        #expect(peer.tested.bufferedByteCount == 0)
        #expect(peer.tested.bufferedCapacity == 0)
        peer.tested.endOfStream()
        #expect(try peer.tested.nextEvent() == nil)

        // And back: what the tested side sends is what a decoder of the other role reads.
        var decoder = FrameDecoder(
            framing: setup.framing,
            role: setup.role == .client ? .server : .client,
            maximumPayloadLength: 1 << 20
        )
        for payload in Self.payloads {
            let wire = try peer.tested.send(.payload(payload))
            var plain = ByteBuffer(bytes: peer.plain(wire))
            let expected = FrameDecodingResult.frame(ByteBuffer(bytes: payload), quickAckRequested: false)
            #expect(try decoder.decode(&plain) == expected, "\(setup)")
        }
    }

    @Test("Quick acknowledgements: asked for, and given", arguments: StreamSetup.all)
    func quickAck(setup: StreamSetup) throws {
        var peer = try StreamPeer.make(setup)
        var encoder = Self.encoder(setup)
        guard setup.framing != .full else {
            if setup.role == .server {
                _ = try peer.deliver([peer.wire(try Self.frame(Payloads.ping, &encoder))])
                #expect(try peer.tested.sendQuickAck(1) == nil)
            } else {
                let error = #expect(throws: TransportConnectionError.self) {
                    try peer.tested.send(.payload(Payloads.ping), requestQuickAck: true)
                }
                #expect(error?.framingError?.code == .quickAckUnsupported)
            }
            return
        }
        var pieces = [peer.preamble]
        var expected = Self.opening(setup)
        for (index, payload) in Self.payloads.enumerated() {
            let isMarked = index % 2 == 0
            if setup.role == .server {
                pieces.append(peer.wire(try Self.frame(payload, &encoder, requestQuickAck: isMarked)))
                expected.append(.payload(ByteBuffer(bytes: payload), quickAckRequested: isMarked))
            } else {
                let token = 0xfefd_579e &+ UInt32(index)
                pieces.append(peer.wire(try encoder.encodeQuickAck(token).bytes))
                pieces.append(peer.wire(try Self.frame(payload, &encoder)))
                expected += [.quickAck(token), .payload(ByteBuffer(bytes: payload), quickAckRequested: false)]
            }
        }
        #expect(try peer.deliver(setup.split.reads(pieces)) == expected, "\(setup)")

        var decoder = FrameDecoder(
            framing: setup.framing,
            role: setup.role == .client ? .server : .client,
            maximumPayloadLength: 1 << 20
        )
        if setup.role == .server {
            let wire = try #require(try peer.tested.sendQuickAck(0x7efd_579e))
            var plain = ByteBuffer(bytes: peer.plain(wire))
            #expect(try decoder.decode(&plain) == .quickAck(0xfefd_579e))
        } else {
            let wire = try peer.tested.send(.payload(Payloads.ping), requestQuickAck: true)
            var plain = ByteBuffer(bytes: peer.plain(wire))
            #expect(
                try decoder.decode(&plain) == .frame(ByteBuffer(bytes: Payloads.ping), quickAckRequested: true)
            )
        }
    }

    @Test("Transport errors", arguments: StreamSetup.all)
    func transportError(setup: StreamSetup) throws {
        var peer = try StreamPeer.make(setup)
        guard setup.role == .client else {
            // A client sends none: four bytes from it are refused.
            var server = FrameEncoder(framing: setup.framing, role: .server)
            let pieces = [peer.preamble, peer.wire(try server.encodeTransportError(.notFound).bytes)]
            var events: [TransportEvent] = []
            let error = #expect(throws: TransportConnectionError.self) {
                try peer.deliver(setup.split.reads(pieces), events: &events)
            }
            #expect(error?.framingError?.code == .invalidLength, "\(setup)")
            #expect(events == Self.opening(setup))
            return
        }
        var encoder = Self.encoder(setup)
        let codes: [TransportErrorCode] = [.notFound, .flood, .forbidden, .invalidDataCenter, .init(rawValue: 1000)]
        var pieces: [[UInt8]] = []
        for code in codes { pieces.append(peer.wire(try encoder.encodeTransportError(code).bytes)) }
        let events = try peer.deliver(setup.split.reads(pieces))
        #expect(events == codes.map { .transportError($0) }, "\(setup)")
        let error = #expect(throws: TransportConnectionError.self) { try peer.tested.sendTransportError(.notFound) }
        #expect(error?.framingError?.code == .wrongRole)
    }

    @Test("Oversized frames fail on their header", arguments: StreamSetup.all)
    func oversize(setup: StreamSetup) throws {
        var peer = try StreamPeer.make(setup, limit: 2104)
        var encoder = Self.encoder(setup)
        let largest = Payloads.encrypted(blocks: 130)
        #expect(largest.count == 2104)
        var pieces = [peer.preamble, peer.wire(try Self.frame(largest, &encoder))]
        // A server looks at the key's identifier as well; see `TransportAuthorizationTests`.
        let beginning = setup.role == .server ? 16 : 8
        let header = try Self.frame(Payloads.plaintext(body: 2240), &encoder).prefix(beginning)
        pieces.append(peer.wire(Array(header)))
        var events: [TransportEvent] = []
        let error = #expect(throws: TransportConnectionError.self) {
            try peer.deliver(setup.split.reads(pieces), events: &events)
        }
        #expect(error?.framingError?.code == .oversized, "\(setup)")
        #expect(error?.framingError?.expected == 2104)
        #expect(
            events == Self.opening(setup) + [.payload(ByteBuffer(bytes: largest), quickAckRequested: false)],
            "\(setup)"
        )
        // It has failed for good, and holds nothing.
        peer.tested.receive(ByteBuffer(bytes: largest))
        #expect(peer.tested.bufferedCapacity == 0)
        let again = #expect(throws: TransportConnectionError.self) { try peer.tested.nextEvent() }
        #expect(again == error)
        if setup.role == .server { #expect(try peer.tested.sendTransportError(.notFound).readableBytes > 0) }
    }

    @Test("Truncated streams", arguments: StreamSetup.all)
    func truncated(setup: StreamSetup) throws {
        let frames = 2
        for cut in [1, 2, 5, 60] {
            var peer = try StreamPeer.make(setup)
            var encoder = Self.encoder(setup)
            var pieces = [peer.preamble]
            for _ in 0..<frames { pieces.append(peer.wire(try Self.frame(Payloads.ping, &encoder))) }
            pieces[pieces.count - 1].removeLast(cut)
            let events = try peer.deliver(setup.split.reads(pieces))
            let payload = TransportEvent.payload(ByteBuffer(bytes: Payloads.ping), quickAckRequested: false)
            #expect(events == Self.opening(setup) + [payload], "\(setup)")
            peer.tested.endOfStream()
            let error = #expect(throws: TransportConnectionError.self) { try peer.tested.nextEvent() }
            #expect(error?.code == .truncated, "\(setup)")
        }
    }

    @Test("Garbage never traps and never piles up", arguments: StreamSetup.all)
    func garbage(setup: StreamSetup) throws {
        for seed: UInt64 in 1...20 {
            let random = RandomSource.seeded(seed)
            var peer = try StreamPeer.make(setup, limit: 1024)
            var pieces = [peer.preamble]
            for _ in 0..<random.integer(in: 1...12) { pieces.append(peer.wire(FrameFuzzTests.input(random))) }
            var events: [TransportEvent] = []
            for read in setup.split.reads(pieces) where !read.isEmpty {
                do {
                    try peer.deliver([read], events: &events)
                } catch {
                    // Full framing has no tag, so garbage may fail as early as in the detection.
                    let isExpected = error.code == .framing || (setup.framing == .full && error.code == .unrecognized)
                    #expect(isExpected, "seed \(seed), \(setup)")
                }
                #expect(peer.tested.bufferedByteCount <= 1024 + 64, "seed \(seed), \(setup)")
            }
            for case .payload(let payload, _) in events {
                #expect(payload.readableBytes <= 1024, "seed \(seed), \(setup)")
            }
        }
    }
}
