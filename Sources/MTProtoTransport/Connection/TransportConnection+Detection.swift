// SPDX-License-Identifier: Apache-2.0

internal import NIOCore

/// A server finds out how its client speaks.
///
/// Specification: *MTProto transports*; the order of the tests is the one of `TransportDetection`.
extension TransportConnection {
    mutating func detect(
        _ configuration: ServerConfiguration
    ) throws(TransportConnectionError) -> TransportEvent? {
        let detection = self.detection(configuration)
        switch detection {
        case .needMore(let count):
            self.neededByteCount = count
            self.received.settle()
            return nil
        case .http, .tlsClientHello:
            self.phase = .foreign
            return .foreign(detection)
        case .abridged:
            return try self.open(.abridged, configuration)
        case .intermediate:
            return try self.open(.intermediate, configuration)
        case .paddedIntermediate:
            return try self.open(.paddedIntermediate, configuration)
        case .full:
            return try self.open(.full, configuration)
        case .obfuscated:
            return try self.accept(configuration)
        }
    }

    private func detection(_ configuration: ServerConfiguration) -> TransportDetection {
        let count = self.received.buffer.readableBytes
        let opaque: TransportDetection =
            count >= Obfuscation.headerLength ? .obfuscated : .needMore(Obfuscation.headerLength)
        guard configuration.isPlainAllowed || configuration.isForeignDetected else { return opaque }
        let detection = self.received.buffer.withUnsafeReadableBytes { TransportDetection.detect($0) }
        switch detection {
        case .http where !configuration.isForeignDetected, .tlsClientHello where !configuration.isForeignDetected:
            return opaque
        default:
            return detection
        }
    }

    private mutating func open(
        _ framing: Framing,
        _ configuration: ServerConfiguration
    ) throws(TransportConnectionError) -> TransportEvent {
        guard configuration.isPlainAllowed else { throw TransportConnectionError(.plainNotAllowed) }
        self.received.buffer.moveReaderIndex(forwardBy: framing.tag.count)
        return try self.open(TransportHandshake(framing: framing, isObfuscated: false), configuration)
    }

    private mutating func accept(
        _ configuration: ServerConfiguration
    ) throws(TransportConnectionError) -> TransportEvent {
        guard let header = self.received.buffer.readBytes(length: Obfuscation.headerLength),
            let acceptance = Obfuscation.accept(header, secrets: configuration.secrets)
        else { throw TransportConnectionError(.unrecognized) }
        let handshake = TransportHandshake(
            framing: acceptance.framing,
            isObfuscated: true,
            dataCenter: acceptance.dataCenter,
            secretIndex: acceptance.secretIndex
        )
        self.obfuscation = acceptance.takeObfuscation()
        let event = try self.open(handshake, configuration)
        self.received.makeUnique()
        self.obfuscation?.decrypt(&self.received.buffer)
        return event
    }

    private mutating func open(
        _ handshake: TransportHandshake,
        _ configuration: ServerConfiguration
    ) throws(TransportConnectionError) -> TransportEvent {
        guard configuration.framings.contains(handshake.framing) else {
            throw TransportConnectionError(.framingNotAllowed)
        }
        self.handshake = handshake
        self.encoder = FrameEncoder(framing: handshake.framing, role: .server, random: configuration.random)
        self.neededByteCount = 0
        self.phase = .open(
            FrameDecoder(framing: handshake.framing, role: .server, maximumPayloadLength: self.currentLimit)
        )
        self.configureDecoder()
        self.received.releaseIfDrained()
        return .handshake(handshake)
    }
}
