// SPDX-License-Identifier: Apache-2.0

import MTProtoCrypto
import MTProtoTransport
import NIOCore
import Testing

/// What a connection holds, copies and pins.
struct TransportMemoryTests {
    private func address(_ buffer: ByteBuffer) -> Int {
        buffer.withUnsafeReadableBytes { Int(bitPattern: $0.baseAddress) }
    }

    @Test("A payload is sent from its own storage", arguments: StreamSetup.all.filter { $0.split == .whole })
    func sendInPlace(setup: StreamSetup) throws {
        var peer = try StreamPeer.make(setup)
        if setup.role == .server {
            var encoder = TransportMatrixTests.encoder(setup)
            _ = try peer.deliver([peer.preamble, peer.wire(try TransportMatrixTests.frame(Payloads.ping, &encoder))])
        }
        let payload = ByteBuffer.payload(Payloads.ping)
        let before = self.address(payload)
        let frame = try peer.tested.send(consume payload)
        #expect(1...8 ~= before - self.address(frame))
    }

    @Test(
        "A payload in one read is received in the read's storage",
        arguments: StreamSetup.all.filter { $0.split == .whole }
    )
    func receiveInPlace(setup: StreamSetup) throws {
        var peer = try StreamPeer.make(setup)
        var encoder = TransportMatrixTests.encoder(setup)
        let first = peer.wire(try TransportMatrixTests.frame(Payloads.ping, &encoder))
        _ = try peer.deliver([peer.preamble, first])
        let read = ByteBuffer(bytes: peer.wire(try TransportMatrixTests.frame(Payloads.ping, &encoder)))
        let before = self.address(read)
        peer.tested.receive(consume read)
        guard case .payload(let payload, _) = try peer.tested.nextEvent() else {
            Issue.record("no payload")
            return
        }
        #expect(1...8 ~= self.address(payload) - before, "\(setup)")
    }

    @Test("Received bytes that somebody else holds are not changed")
    func shared() throws {
        var peer = try StreamPeer.make(
            StreamSetup(framing: .abridged, cover: .obfuscated, role: .server, split: .whole)
        )
        var encoder = FrameEncoder(framing: .abridged, role: .client)
        _ = try peer.deliver([peer.preamble])
        let wire = peer.wire(try TransportMatrixTests.frame(Payloads.ping, &encoder))
        let read = ByteBuffer(bytes: wire)
        peer.tested.receive(read)
        #expect(
            try peer.tested.nextEvent() == .payload(ByteBuffer(bytes: Payloads.ping), quickAckRequested: false)
        )
        #expect(read.bytes == wire)
    }

    @Test("A partial frame does not pin a big read buffer", arguments: StreamSetup.all.filter { $0.split == .whole })
    func partialFrame(setup: StreamSetup) throws {
        var peer = try StreamPeer.make(setup)
        var encoder = TransportMatrixTests.encoder(setup)
        var frames: [UInt8] = []
        for _ in 0..<20 { frames += peer.wire(try TransportMatrixTests.frame(Payloads.ping, &encoder)) }
        _ = try peer.deliver([peer.preamble])
        var read = ByteBufferAllocator().buffer(capacity: 65_536)
        read.writeBytes(frames.dropLast(40))
        peer.tested.receive(consume read)
        var count = 0
        while try peer.tested.nextEvent() != nil { count += 1 }
        #expect(count >= 19, "\(setup)")
        #expect(0 < peer.tested.bufferedByteCount && peer.tested.bufferedByteCount < 120)
        #expect(peer.tested.bufferedCapacity <= 256, "\(setup)")
        peer.tested.receive(ByteBuffer(bytes: frames.suffix(40)))
        #expect(
            try peer.tested.nextEvent() == .payload(ByteBuffer(bytes: Payloads.ping), quickAckRequested: false)
        )
        #expect(peer.tested.bufferedCapacity == 0)
    }

    @Test("A hostile length allocates nothing", arguments: Framing.allCases)
    func hostileLength(framing: Framing) throws {
        let headers: [Framing: String] = [
            .abridged: "7fffffff", .intermediate: "fcffff7f", .paddedIntermediate: "fcffff7f",
            .full: "fcffff7f00000000",
        ]
        var server = TransportConnection(server: .init(maximumPayloadLengthBeforeAuthorization: Int.max))
        server.receive(ByteBuffer(bytes: framing.tag + hex(headers[framing] ?? "")))
        guard case .handshake = try server.nextEvent() else {
            Issue.record("no handshake")
            return
        }
        #expect(try server.nextEvent() == nil)
        #expect(server.bufferedCapacity <= 64)
        for _ in 0..<100 {
            server.receive(ByteBuffer(bytes: [1]))
            #expect(try server.nextEvent() == nil)
        }
        #expect(server.bufferedCapacity <= 2048)
    }

    /// Quadratic work would take many times as long: 2^17 reads of 2^16 bytes to move on average.
    @Test(
        "A long payload, byte by byte, takes linear work",
        .timeLimit(.minutes(1)),
        arguments: [
            StreamSetup.Cover.plain, .obfuscated,
        ]
    )
    func byteByByte(cover: StreamSetup.Cover) throws {
        var peer = try StreamPeer.make(StreamSetup(framing: .intermediate, cover: cover, role: .server, split: .whole))
        var encoder = FrameEncoder(framing: .intermediate, role: .client)
        let payload = Payloads.encrypted(blocks: 1 << 13)
        let wire = peer.preamble + peer.wire(try TransportMatrixTests.frame(payload, &encoder))
        var events: [TransportEvent] = []
        for byte in wire {
            peer.tested.receive(ByteBuffer(bytes: [byte]))
            if let event = try peer.tested.nextEvent() { events.append(event) }
            let waiting = peer.tested.bufferedByteCount
            if peer.tested.bufferedCapacity > 4 * waiting + 1024 {
                Issue.record("\(peer.tested.bufferedCapacity) bytes held for \(waiting)")
                return
            }
        }
        #expect(events.last == .payload(ByteBuffer(bytes: payload), quickAckRequested: false))
        #expect(events.count == 2)
    }
}
