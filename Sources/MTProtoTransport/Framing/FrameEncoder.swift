// SPDX-License-Identifier: Apache-2.0

public import MTProtoCrypto
public import NIOCore

/// Puts payloads, quick acknowledgements and transport errors into frames.
///
/// An encoder serves one direction of one connection. It works in the payload's own buffer: the header goes into
/// unused bytes before the payload, trailers behind it. A buffer that lacks the ``headerCapacity`` bytes is copied once.
///
/// Specification: *MTProto transports*.
public struct FrameEncoder: Sendable {
    private enum Variant {
        case abridged(AbridgedFramingEncoder)
        case intermediate(IntermediateFramingEncoder)
        case paddedIntermediate(PaddedIntermediateFramingEncoder)
        case full(FullFramingEncoder)
    }

    /// The most bytes that any framing puts before a payload.
    public static let headerCapacity = 8
    /// The most bytes that any framing touches behind a payload.
    public static let trailerCapacity = 16

    private var variant: Variant
    private let role: Role

    /// The framing of the stream.
    public let framing: Framing

    /// Makes an encoder for the bytes that `role` sends.
    ///
    /// - Parameters:
    ///   - framing: The framing of the stream.
    ///   - role: The side that writes.
    ///   - random: Seeds the padding of padded intermediate framing; unused by the others.
    public init(framing: Framing, role: Role, random: RandomSource = .system) {
        self.framing = framing
        self.role = role
        self.variant =
            switch framing {
            case .abridged: .abridged(AbridgedFramingEncoder())
            case .intermediate: .intermediate(IntermediateFramingEncoder())
            case .paddedIntermediate:
                .paddedIntermediate(PaddedIntermediateFramingEncoder(role: role, random: random))
            case .full: .full(FullFramingEncoder())
            }
    }

    /// The most padding behind a message in padded intermediate framing: 0 to 15 bytes, other values are clamped.
    ///
    /// A client uses up to 15. A server uses up to 3, because several clients only strip the length modulo 4.
    /// Always 0 in the other framings, which ignore what is set.
    public var maximumPadding: Int {
        get {
            guard case .paddedIntermediate(let encoder) = self.variant else { return 0 }
            return encoder.maximumPadding
        }
        set {
            guard case .paddedIntermediate(var encoder) = self.variant else { return }
            encoder.maximumPadding = min(max(newValue, 0), PaddedIntermediateFramingDecoder.maximumPadding)
            self.variant = .paddedIntermediate(encoder)
        }
    }

    /// Turns a payload into its frame, in place.
    ///
    /// - Parameters:
    ///   - payload: The readable bytes are the payload before, the frame after the call. A throw leaves them unchanged.
    ///   - requestQuickAck: Whether the server shall confirm the payload; only for encrypted payloads of a client.
    /// - Throws: ``FramingError`` with the codes `empty`, `unaligned`, `invalidLength` (4 bytes would be an error),
    ///   `oversized`, `unpaddable`, `quickAckUnsupported` or `wrongRole`.
    public mutating func encode(_ payload: inout ByteBuffer, requestQuickAck: Bool = false) throws(FramingError) {
        try self.encode(&payload, requestQuickAck: requestQuickAck, padding: nil)
    }

    /// As ``encode(_:requestQuickAck:)``, with chosen padding; framings without padding ignore it.
    package mutating func encode(
        _ payload: inout ByteBuffer,
        requestQuickAck: Bool,
        padding: FramePadding?
    ) throws(FramingError) {
        if requestQuickAck {
            guard self.framing.supportsQuickAcknowledgement else { throw FramingError(.quickAckUnsupported) }
            guard self.role == .client else { throw FramingError(.wrongRole) }
        }
        try checkPayloadLength(payload.readableBytes, limit: self.maximumPayloadLength)
        switch self.variant {
        case .abridged(let encoder):
            encoder.encode(&payload, requestQuickAck: requestQuickAck)
        case .intermediate(let encoder):
            encoder.encode(&payload, requestQuickAck: requestQuickAck)
        case .paddedIntermediate(var encoder):
            try encoder.encode(&payload, requestQuickAck: requestQuickAck, padding: padding)
            self.variant = .paddedIntermediate(encoder)
        case .full(var encoder):
            encoder.encode(&payload)
            self.variant = .full(encoder)
        }
    }

    /// Makes the bytes that confirm a payload to a client.
    ///
    /// - Parameter token: The payload's token; its top bit is set if it is not.
    /// - Throws: ``FramingError`` with `quickAckUnsupported` in full framing, `wrongRole` on a client.
    public mutating func encodeQuickAck(_ token: UInt32) throws(FramingError) -> ByteBuffer {
        try self.encodeQuickAck(token, padding: nil)
    }

    /// As ``encodeQuickAck(_:)``, with chosen padding; framings without padding ignore it.
    package mutating func encodeQuickAck(_ token: UInt32, padding: FramePadding?) throws(FramingError) -> ByteBuffer {
        guard self.role == .server else { throw FramingError(.wrongRole) }
        let token = token | IntermediateFramingDecoder.mark
        switch self.variant {
        case .abridged(let encoder):
            return encoder.encodeQuickAck(token)
        case .intermediate(let encoder):
            return encoder.encodeQuickAck(token)
        case .paddedIntermediate(var encoder):
            let buffer = encoder.encodeQuickAck(token, padding: padding)
            self.variant = .paddedIntermediate(encoder)
            return buffer
        case .full:
            throw FramingError(.quickAckUnsupported)
        }
    }

    /// Makes the frame that reports an error to a client.
    ///
    /// - Parameter code: The error, positive.
    /// - Throws: ``FramingError`` with `invalidControlWord` when the code is not positive, `wrongRole` on a client.
    public mutating func encodeTransportError(_ code: TransportErrorCode) throws(FramingError) -> ByteBuffer {
        try self.encodeTransportError(code, padding: nil)
    }

    /// As ``encodeTransportError(_:)``, with chosen padding; framings without padding ignore it.
    package mutating func encodeTransportError(
        _ code: TransportErrorCode,
        padding: FramePadding?
    ) throws(FramingError) -> ByteBuffer {
        guard self.role == .server else { throw FramingError(.wrongRole) }
        guard let word = code.wireValue else { throw .controlWord(UInt32(bitPattern: code.rawValue)) }
        if case .paddedIntermediate(var encoder) = self.variant {
            let buffer = encoder.encodeTransportError(word, padding: padding)
            self.variant = .paddedIntermediate(encoder)
            return buffer
        }
        var buffer = ByteBuffer.withHeadroom(capacity: 4)
        buffer.writeInteger(word, endianness: .little)
        switch self.variant {
        case .abridged(let encoder):
            encoder.encode(&buffer, requestQuickAck: false)
        case .intermediate(let encoder):
            encoder.encode(&buffer, requestQuickAck: false)
        case .full(var encoder):
            encoder.encode(&buffer)
            self.variant = .full(encoder)
        case .paddedIntermediate:
            break
        }
        return buffer
    }

    private var maximumPayloadLength: Int {
        switch self.variant {
        case .abridged: AbridgedFramingEncoder.maximumPayloadLength
        case .intermediate: IntermediateFramingEncoder.maximumPayloadLength
        case .paddedIntermediate: PaddedIntermediateFramingEncoder.maximumPayloadLength
        case .full: FullFramingEncoder.maximumPayloadLength
        }
    }
}
