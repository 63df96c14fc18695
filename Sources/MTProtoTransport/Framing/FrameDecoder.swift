// SPDX-License-Identifier: Apache-2.0

public import NIOCore

/// Takes a byte stream apart into payloads, quick acknowledgements and transport errors.
///
/// A decoder serves one direction of one connection: it is fed with the plain bytes behind the transport tag, in
/// any segmentation, and never copies a payload. Lengths are checked against ``maximumPayloadLength`` as soon as a
/// header is complete; no length makes it allocate.
///
/// Specification: *MTProto transports*.
public struct FrameDecoder: Sendable {
    private enum Variant {
        case abridged(AbridgedFramingDecoder)
        case intermediate(IntermediateFramingDecoder)
        case paddedIntermediate(PaddedIntermediateFramingDecoder)
        case full(FullFramingDecoder)
    }

    private var variant: Variant
    private var limits: FrameLimits

    /// The framing of the stream.
    public let framing: Framing

    /// The longest payload to accept, in bytes; a header that declares more makes ``decode(_:)`` throw.
    public var maximumPayloadLength: Int {
        get { self.limits.maximumPayloadLength }
        set { self.limits.maximumPayloadLength = newValue }
    }

    /// The longest encrypted payload that ``FrameDecodingResult/authorizationNeeded(keyIdentifier:)`` is returned for, in
    /// bytes. Default: 0, which is none.
    public var maximumAuthorizedPayloadLength: Int {
        get { self.limits.maximumAuthorizedPayloadLength }
        set { self.limits.maximumAuthorizedPayloadLength = newValue }
    }

    /// The identifier of the authorization key in use. In padded intermediate framing it keeps a client from taking
    /// a short packet that begins with it for a transport error.
    public var authorizationKeyIdentifier: UInt64?

    /// Makes a decoder for the bytes that `role` receives.
    ///
    /// - Parameters:
    ///   - framing: The framing of the stream.
    ///   - role: The side that reads: a client reads what a server sent, and the reverse.
    ///   - maximumPayloadLength: The longest payload to accept, in bytes.
    public init(framing: Framing, role: Role, maximumPayloadLength: Int) {
        self.framing = framing
        self.limits = FrameLimits(role: role, maximumPayloadLength: maximumPayloadLength)
        self.variant =
            switch framing {
            case .abridged: .abridged(AbridgedFramingDecoder())
            case .intermediate: .intermediate(IntermediateFramingDecoder())
            case .paddedIntermediate: .paddedIntermediate(PaddedIntermediateFramingDecoder())
            case .full: .full(FullFramingDecoder())
            }
    }

    /// Takes the next item from the front of the buffer.
    ///
    /// - Parameter buffer: The received bytes; those of a complete item are consumed, those of a partial one stay.
    /// - Returns: The item, or how many bytes must be there before the next call.
    /// - Throws: ``FramingError`` when the bytes break the framing's rules. The stream must then be closed.
    public mutating func decode(_ buffer: inout ByteBuffer) throws(FramingError) -> FrameDecodingResult {
        switch self.variant {
        case .abridged(let decoder):
            return try decoder.decode(&buffer, limits: self.limits)
        case .intermediate(let decoder):
            return try decoder.decode(&buffer, limits: self.limits)
        case .paddedIntermediate(let decoder):
            return try decoder.decode(
                &buffer,
                limits: self.limits,
                authorizationKeyIdentifier: self.authorizationKeyIdentifier
            )
        case .full(var decoder):
            let result = try decoder.decode(&buffer, limits: self.limits)
            self.variant = .full(decoder)
            return result
        }
    }
}
