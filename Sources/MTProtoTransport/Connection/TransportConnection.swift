// SPDX-License-Identifier: Apache-2.0

public import NIOCore

/// The sans-IO transport of one byte stream, either role: bytes in, events out; payloads in, bytes out.
///
/// A client is made with a framing; its first bytes come from ``takePreamble()``. A server finds out what the client
/// speaks and tells with ``TransportEvent/handshake(_:)``. From then on both are alike.
///
/// ```swift
/// connection.receive(bytes)
/// while let event = try connection.nextEvent() { … }
/// ```
///
/// No payload is copied: a received payload shares the storage of the received bytes, and a sent one is framed and
/// encrypted in its own buffer if that has ``payloadHeadroom`` and ``payloadTailroom``.
///
/// Received bytes wait in a buffer that holds at most one partial frame when ``nextEvent()`` has returned `nil`: that
/// is never more than the payload limit, a header and a trailer or padding (23 bytes in all), and no storage at all when nothing waits.
///
/// Specification: *MTProto transports*.
public struct TransportConnection: ~Copyable, Sendable {
    /// Bytes that a payload's buffer should leave free before its first byte, so that no layer copies the payload.
    public static let payloadHeadroom = 32
    /// Bytes that a payload's buffer should leave free after its last byte, so that no layer copies the payload.
    public static let payloadTailroom = 32

    enum Phase {
        /// A server that does not know yet how the client speaks. Followed by any other.
        case detecting(ServerConfiguration)
        /// Frames go both ways. Followed by `failed`.
        case open(FrameDecoder)
        /// A server whose client speaks something else. Followed by `failed` if nobody takes the bytes.
        case foreign
        /// Nobody wants what is received. Final; sending goes on.
        case discarding
        /// The received bytes broke the rules. Final; a server that knows the framing can still send.
        case failed(TransportConnectionError)
    }

    var phase: Phase
    var encoder: FrameEncoder?
    var obfuscation: Obfuscation?
    private var preamble: ByteBuffer?
    var received = ReceiveAccumulator()
    /// Bytes that must wait before another look at them is worth while.
    var neededByteCount = 0
    /// Whether no more bytes will come.
    private var hasEnded = false
    /// Whether the key of the payload at the front has been asked for.
    private var hasAskedForAuthorization = false
    private let maximumPayloadLength: Int
    private let maximumPayloadLengthBeforeAuthorization: Int

    /// The side that this connection serves.
    public let role: Role

    /// How the two ends speak: at once on a client, after detection on a server.
    public internal(set) var handshake: TransportHandshake?

    /// Whether the peer has shown that it holds an authorization key, which raises a server's payload limit. A client
    /// has one limit only, and this is of no consequence there.
    ///
    /// The new limit counts for the frames that ``nextEvent()`` has not returned yet; ``TransportEvent`` has an event
    /// for the frame that needs it.
    public var isAuthorized: Bool {
        didSet { self.configureDecoder() }
    }

    /// The identifier of the authorization key in use, which settles a rare ambiguity of padded intermediate framing;
    /// see ``FrameDecoder/authorizationKeyIdentifier``.
    public var authorizationKeyIdentifier: UInt64? {
        didSet { self.configureDecoder() }
    }

    /// Makes the client's side of a connection.
    ///
    /// - Throws: ``TransportConnectionError`` with `obfuscation` when the framing cannot be obfuscated, or is not the
    ///   one that the secret demands.
    public init(client configuration: ClientConfiguration) throws(TransportConnectionError) {
        self.role = .client
        self.maximumPayloadLength = configuration.maximumPayloadLength
        self.maximumPayloadLengthBeforeAuthorization = configuration.maximumPayloadLength
        self.isAuthorized = false
        self.encoder = FrameEncoder(framing: configuration.framing, role: .client, random: configuration.random)
        self.phase = .open(
            FrameDecoder(
                framing: configuration.framing,
                role: .client,
                maximumPayloadLength: configuration.maximumPayloadLength
            )
        )
        self.handshake = TransportHandshake(
            framing: configuration.framing,
            isObfuscated: configuration.obfuscation != nil,
            dataCenter: configuration.obfuscation?.dataCenter.encoded
        )
        if let parameters = configuration.obfuscation {
            let initiation: Obfuscation.Initiation
            do {
                initiation = try Obfuscation.initiate(
                    framing: configuration.framing,
                    dataCenter: parameters.dataCenter,
                    secret: parameters.secret,
                    random: configuration.random
                )
            } catch {
                throw TransportConnectionError(error)
            }
            self.preamble = ByteBuffer(bytes: initiation.header)
            self.obfuscation = initiation.takeObfuscation()
        } else {
            self.preamble = configuration.framing == .full ? nil : ByteBuffer(bytes: configuration.framing.tag)
            self.obfuscation = nil
        }
    }

    /// Makes the server's side of a connection.
    public init(server configuration: ServerConfiguration) {
        self.role = .server
        self.maximumPayloadLength = configuration.maximumPayloadLength
        self.maximumPayloadLengthBeforeAuthorization = configuration.maximumPayloadLengthBeforeAuthorization
        self.isAuthorized = false
        self.phase = .detecting(configuration)
        self.encoder = nil
        self.obfuscation = nil
        self.preamble = nil
    }

    /// Bytes received and not yet consumed.
    public var bufferedByteCount: Int {
        self.received.buffer.readableBytes
    }

    /// Bytes of storage held for received bytes.
    package var bufferedCapacity: Int {
        self.received.buffer.storageCapacity
    }

    // MARK: Receiving

    /// Adds received bytes, in any segmentation. They are decrypted in place if nobody else holds them.
    ///
    /// After a failure they are dropped: a prober shall learn nothing from how the stream is read on.
    public mutating func receive(_ bytes: consuming ByteBuffer) {
        switch self.phase {
        case .failed, .discarding: return
        case .detecting, .open, .foreign: break
        }
        guard self.obfuscation != nil else {
            self.received.append(consume bytes)
            return
        }
        let count = bytes.readableBytes
        self.received.appendForMutation(consume bytes)
        self.obfuscation?.decrypt(last: count, of: &self.received.buffer)
    }

    /// Takes the next event.
    ///
    /// - Returns: `nil` when more bytes are needed.
    /// - Throws: ``TransportConnectionError`` when the bytes break the rules, or end inside a frame or a handshake after
    ///   ``endOfStream()``. The connection has then failed, and every later call throws the same error.
    public mutating func nextEvent() throws(TransportConnectionError) -> TransportEvent? {
        if let event = try self.decodeEvent() { return event }
        switch self.phase {
        case .detecting, .open:
            guard self.hasEnded, self.bufferedByteCount > 0 else { return nil }
            throw self.fail(TransportConnectionError(.truncated))
        case .foreign, .discarding, .failed:
            return nil
        }
    }

    private mutating func decodeEvent() throws(TransportConnectionError) -> TransportEvent? {
        switch self.phase {
        case .discarding:
            return nil
        case .failed(let error):
            throw error
        case .foreign:
            // Whoever takes the bytes over does so soon; they must not pile up if nobody does.
            guard self.bufferedByteCount <= self.maximumPayloadLengthBeforeAuthorization else {
                throw self.fail(TransportConnectionError(.foreign))
            }
            return nil
        case .detecting(let configuration):
            guard self.received.buffer.readableBytes >= max(self.neededByteCount, 1) else { return nil }
            do {
                return try self.detect(configuration)
            } catch {
                throw self.fail(error)
            }
        case .open(var decoder):
            while self.received.buffer.readableBytes >= max(self.neededByteCount, 1) {
                do {
                    let result = try decoder.decode(&self.received.buffer)
                    if let event = self.event(for: result) {
                        self.phase = .open(decoder)
                        self.configureDecoder()
                        self.received.releaseIfDrained()
                        return event
                    }
                } catch {
                    throw self.fail(TransportConnectionError(error))
                }
            }
            self.phase = .open(decoder)
            self.received.settle()
            return nil
        }
    }

    /// Says that no more bytes will come.
    ///
    /// Events may still wait; when ``nextEvent()`` has returned them all and finds that the stream ended inside a frame or
    /// a handshake, it throws ``TransportConnectionError`` with `truncated`.
    public mutating func endOfStream() {
        self.hasEnded = true
    }

    /// Drops the bytes that wait, and all that will be received, undecoded: ``nextEvent()`` returns `nil` from now on.
    /// Sending goes on as before.
    public mutating func discard() {
        if case .failed = self.phase { return }
        self.phase = .discarding
        self.received = ReceiveAccumulator()
        self.neededByteCount = 0
    }

    /// Takes the bytes that were received and not consumed: those of a foreign protocol, or whatever follows the
    /// last event when the stream is handed over.
    public mutating func takeBufferedBytes() -> ByteBuffer {
        let bytes = self.received.buffer
        self.received = ReceiveAccumulator()
        self.neededByteCount = 0
        return bytes
    }

    // MARK: Sending

    /// Takes a client's first bytes, once: a tag of 1 or 4 bytes, or the 64 bytes of obfuscation. `nil` on a server,
    /// in full framing without obfuscation, and when they were taken before.
    public mutating func takePreamble() -> ByteBuffer? {
        self.preamble.take()
    }

    /// Frames and encrypts a payload, in place.
    ///
    /// The returned bytes must be written in the order of the calls. If a client's preamble has not been taken, it
    /// comes before them.
    ///
    /// - Parameters:
    ///   - payload: Should be the only reference to its storage, with headroom and tailroom.
    ///   - requestQuickAck: Whether the server shall confirm the payload; only for encrypted payloads of a client.
    /// - Throws: ``TransportConnectionError`` with `framing` (see ``FrameEncoder/encode(_:requestQuickAck:)``),
    ///   `noHandshake` or `foreign`. Nothing was sent then and the connection is as before.
    public mutating func send(
        _ payload: consuming ByteBuffer,
        requestQuickAck: Bool = false
    ) throws(TransportConnectionError) -> ByteBuffer {
        var encoder = try self.requireEncoder()
        defer { self.encoder = encoder }
        do {
            try encoder.encode(&payload, requestQuickAck: requestQuickAck)
        } catch {
            throw TransportConnectionError(error)
        }
        return self.finish(consume payload)
    }

    /// Makes the bytes that confirm a payload to a client.
    ///
    /// - Parameter token: The payload's token.
    /// - Returns: `nil` in full framing, which has no quick acknowledgements.
    /// - Throws: ``TransportConnectionError`` with `framing` on a client, `noHandshake` or `foreign`.
    public mutating func sendQuickAck(_ token: UInt32) throws(TransportConnectionError) -> ByteBuffer? {
        var encoder = try self.requireEncoder()
        defer { self.encoder = encoder }
        guard encoder.framing.supportsQuickAcknowledgement else { return nil }
        do {
            return self.finish(try encoder.encodeQuickAck(token))
        } catch {
            throw TransportConnectionError(error)
        }
    }

    /// Makes the bytes that report an error to a client. A server can do so even after its stream has failed.
    ///
    /// - Throws: ``TransportConnectionError`` with `framing` on a client or for a code that is not positive,
    ///   `noHandshake` or `foreign`.
    public mutating func sendTransportError(
        _ code: TransportErrorCode
    ) throws(TransportConnectionError) -> ByteBuffer {
        var encoder = try self.requireEncoder()
        defer { self.encoder = encoder }
        do {
            return self.finish(try encoder.encodeTransportError(code))
        } catch {
            throw TransportConnectionError(error)
        }
    }

    private func requireEncoder() throws(TransportConnectionError) -> FrameEncoder {
        if case .foreign = self.phase { throw TransportConnectionError(.foreign) }
        guard let encoder = self.encoder else { throw TransportConnectionError(.noHandshake) }
        return encoder
    }

    private mutating func finish(_ frame: consuming ByteBuffer) -> ByteBuffer {
        self.obfuscation?.encrypt(&frame)
        guard var bytes = self.preamble.take() else { return frame }
        bytes.writeBuffer(&frame)
        return bytes
    }

    // MARK: Events

    /// The event that a decoded item makes; `nil` for none, in which case the loop goes on.
    private mutating func event(for result: FrameDecodingResult) -> TransportEvent? {
        self.neededByteCount = 0
        switch result {
        case .needMore(let count):
            // Never less than what is there, or a look at the same bytes would be repeated for ever.
            self.neededByteCount = max(count, self.bufferedByteCount + 1)
            return nil
        case .noOperation:
            return nil
        case .authorizationNeeded(let keyIdentifier):
            self.hasAskedForAuthorization = true
            return .authorizationNeeded(keyIdentifier: keyIdentifier)
        case .frame(let payload, let quickAckRequested):
            self.hasAskedForAuthorization = false
            return .payload(payload, quickAckRequested: quickAckRequested)
        case .quickAck(let token):
            return .quickAck(token)
        case .transportError(let code):
            return .transportError(code)
        }
    }

    private mutating func fail(_ error: TransportConnectionError) -> TransportConnectionError {
        self.phase = .failed(error)
        self.received = ReceiveAccumulator()
        self.neededByteCount = 0
        return error
    }

    mutating func configureDecoder() {
        guard case .open(var decoder) = self.phase else { return }
        decoder.maximumPayloadLength = self.currentLimit
        // Asked once and not answered: the payload is too long.
        decoder.maximumAuthorizedPayloadLength =
            self.hasAskedForAuthorization ? self.currentLimit : self.maximumPayloadLength
        decoder.authorizationKeyIdentifier = self.authorizationKeyIdentifier
        self.phase = .open(decoder)
    }

    var currentLimit: Int {
        self.isAuthorized ? self.maximumPayloadLength : self.maximumPayloadLengthBeforeAuthorization
    }
}
