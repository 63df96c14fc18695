// SPDX-License-Identifier: Apache-2.0
import MTProtoCrypto
package import MTProtoTransport
import NIOCore

/// A payload of about `count` bytes, as long as an encrypted message can be: 24 bytes, then blocks of 16.
private func samplePayload(_ count: Int) -> [UInt8] {
    [0xFF] + sampleBytes(23 + ((count - 24 + 15) & ~15))
}

/// One frame's way through both ends of an obfuscated connection: frame, obfuscate, deobfuscate, deframe.
package struct FrameWorkload: ~Copyable {
    private var client: TransportConnection
    private var server: TransportConnection
    private let payload: [UInt8]
    private let allocator = ByteBufferAllocator()

    package init(_ count: Int, framing: Framing = .paddedIntermediate, obfuscated: Bool = true) throws {
        var configuration = TransportConnection.ClientConfiguration(framing: framing)
        if obfuscated { configuration.obfuscation = .init(dataCenter: DataCenterIdentifier(2)) }
        var client = try TransportConnection(client: configuration)
        var server = TransportConnection(server: .init())
        if let preamble = client.takePreamble() { server.receive(preamble) }
        server.isAuthorized = true
        _ = try server.nextEvent()
        self.client = client
        self.server = server
        self.payload = samplePayload(count)
    }

    package mutating func run(_ iterations: Int) throws {
        for _ in 0..<iterations {
            // As a session does: one buffer with room for every layer, written once.
            var buffer = self.allocator.buffer(
                capacity: TransportConnection.payloadHeadroom + self.payload.count + TransportConnection.payloadTailroom
            )
            buffer.moveWriterIndex(to: TransportConnection.payloadHeadroom)
            buffer.moveReaderIndex(to: TransportConnection.payloadHeadroom)
            buffer.writeBytes(self.payload)
            self.server.receive(try self.client.send(consume buffer))
            guard case .payload(let received, _)? = try self.server.nextEvent() else {
                preconditionFailure("a frame was lost")
            }
            precondition(received.readableBytes == self.payload.count)
            keep(received)
        }
    }
}

/// The same bytes through code that takes and returns arrays.
package struct ArrayStyleFrameWorkload {
    private var sending: ArrayStyleKeystream
    private var receiving: ArrayStyleKeystream
    private let payload: [UInt8]

    package init(_ count: Int) {
        let key = sampleBytes(32)
        let vector = sampleBytes(16)
        self.sending = ArrayStyleKeystream(key: key, initializationVector: vector)
        self.receiving = ArrayStyleKeystream(key: key, initializationVector: vector)
        self.payload = samplePayload(count)
    }

    package mutating func run(_ iterations: Int) throws {
        for iteration in 0..<iterations {
            let frame = ArrayStyleFraming.encode(self.payload, padding: iteration & 3)
            let wire = try self.sending.apply(frame)
            let received = ArrayStyleFraming.decode(try self.receiving.apply(wire))
            precondition(received.count == self.payload.count)
            keep(received)
        }
    }
}

/// The same array code around our own CTR: what the arrays alone cost.
package struct ArrayStyleFastCipherWorkload: ~Copyable {
    private var sending: AES256CTRStream
    private var receiving: AES256CTRStream
    private let payload: [UInt8]

    package init(_ count: Int) {
        let key = sampleBytes(32).withUnsafeBytes { Bytes32($0) }
        self.sending = AES256CTRStream(key: key, initializationVector: Bytes16())
        self.receiving = AES256CTRStream(key: key, initializationVector: Bytes16())
        self.payload = samplePayload(count)
    }

    package mutating func run(_ iterations: Int) {
        for iteration in 0..<iterations {
            var wire = ArrayStyleFraming.encode(self.payload, padding: iteration & 3)
            wire.withUnsafeMutableBytes { self.sending.apply(to: $0) }
            var plain = Array(wire)
            plain.withUnsafeMutableBytes { self.receiving.apply(to: $0) }
            let received = ArrayStyleFraming.decode(plain)
            precondition(received.count == self.payload.count)
            keep(received)
        }
    }
}
