// SPDX-License-Identifier: Apache-2.0

public import MTProtoCrypto
public import NIOCore
public import NIOWebSocket

/// The rules of a WebSocket that carries one stream of bytes each way, for either role; frames in, frames out, no
/// sockets.
///
/// All binary messages of one direction, put together, are the stream: where a message or a frame ends means nothing.
/// A client's frames are masked, a server's are not. There are no extensions and no text messages.
///
/// Specification: *Transports*, WebSocket; RFC 6455.
public struct WebSocketByteStream: Sendable {
    /// What a frame made.
    public enum Event: Sendable, Hashable {
        /// The next bytes of the stream, at least one, unmasked.
        case bytes(ByteBuffer)
        /// A ping with at most 125 bytes, which ``pong(_:)`` answers.
        case ping(ByteBuffer)
        /// The peer sends nothing more. ``close(_:)`` answers, unless it has been called.
        case closed(WebSocketClosed)
    }

    /// A frame that is ready for the wire.
    public struct Frame: Sendable, Hashable {
        /// The header and the data, or the header alone.
        public var bytes: ByteBuffer
        /// The data, if it could not stand behind the header without a copy: the next bytes to send.
        public var data: ByteBuffer?
    }

    /// The longest frame of a client: the decoders of many servers hold a frame until it is whole, and limit it.
    public static let clientFrameLength = 1 << 20

    /// The side that this end serves.
    public let role: Role
    /// The most bytes of the stream that one frame carries.
    public let maximumFrameLength: Int
    /// Whether a Close frame was made: no other frame may be sent.
    public private(set) var hasSentClose = false
    /// Whether the input has ended, by a Close frame or a broken rule. What comes then is ignored.
    public private(set) var hasInputEnded = false

    private var isInsideMessage = false
    private var maskingKeys: WebSocketMaskingKeys

    /// Makes an end of a WebSocket whose opening handshake is over.
    ///
    /// - Parameters:
    ///   - role: The side of this end.
    ///   - maximumFrameLength: The most bytes of the stream that one frame carries, at least 1. `nil`:
    ///     ``clientFrameLength`` for a client, and no limit for a server.
    ///   - random: Where a client's masking keys come from.
    public init(role: Role, maximumFrameLength: Int? = nil, random: RandomSource = .system) {
        self.role = role
        self.maximumFrameLength = max(1, maximumFrameLength ?? (role == .client ? Self.clientFrameLength : .max))
        self.maskingKeys = WebSocketMaskingKeys(random: random)
    }

    // MARK: Receiving

    /// Takes the next frame, as it came from the frame decoder: still masked.
    ///
    /// - Returns: `nil` for an empty frame and a pong, and for everything behind the end of the input.
    /// - Throws: ``WebSocketStreamError`` for the first frame that breaks a rule. The input has ended then, and
    ///   ``close(_:)`` tells the peer.
    public mutating func receive(_ frame: WebSocketFrame) throws(WebSocketStreamError) -> Event? {
        guard !self.hasInputEnded else { return nil }
        do {
            return try self.event(of: frame)
        } catch {
            self.hasInputEnded = true
            throw error
        }
    }

    /// Ends the input because of an error of the frame decoder.
    mutating func endInput() {
        self.hasInputEnded = true
    }

    private mutating func event(of frame: WebSocketFrame) throws(WebSocketStreamError) -> Event? {
        if frame.rsv1 || frame.rsv2 || frame.rsv3 { throw WebSocketStreamError(.reservedBits) }
        switch self.role {
        case .server: if frame.maskKey == nil { throw WebSocketStreamError(.notMasked) }
        case .client: if frame.maskKey != nil { throw WebSocketStreamError(.masked) }
        }
        switch frame.opcode {
        case .binary:
            if self.isInsideMessage { throw WebSocketStreamError(.messageInMessage) }
            self.isInsideMessage = !frame.fin
        case .continuation:
            if !self.isInsideMessage { throw WebSocketStreamError(.unexpectedContinuation) }
            self.isInsideMessage = !frame.fin
        case .text:
            throw WebSocketStreamError(self.isInsideMessage ? .messageInMessage : .textMessage)
        case .ping, .pong, .connectionClose:
            return try self.control(frame)
        default:
            throw WebSocketStreamError(.reservedOpcode)
        }
        let bytes = Self.unmasked(frame)
        return bytes.readableBytes > 0 ? .bytes(bytes) : nil
    }

    private mutating func control(_ frame: WebSocketFrame) throws(WebSocketStreamError) -> Event? {
        if !frame.fin { throw WebSocketStreamError(.fragmentedControl) }
        if frame.length > 125 { throw WebSocketStreamError(.oversizedControl) }
        switch frame.opcode {
        case .ping: return .ping(Self.unmasked(frame))
        case .pong: return nil
        default:
            let closed = try Self.closed(Self.unmasked(frame))
            self.hasInputEnded = true
            return .closed(closed)
        }
    }

    private static func unmasked(_ frame: WebSocketFrame) -> ByteBuffer {
        var bytes = frame.data
        if let key = frame.maskKey, bytes.readableBytes > 0 { WebSocketMasking.apply(key, to: &bytes) }
        return bytes
    }

    private static func closed(_ body: ByteBuffer) throws(WebSocketStreamError) -> WebSocketClosed {
        var body = body
        guard body.readableBytes > 0 else { return WebSocketClosed(code: nil, reason: "") }
        guard let code = body.readInteger(as: UInt16.self) else { throw WebSocketStreamError(.invalidClose) }
        switch code {
        case 1000...1003, 1007...1014, 3000...4999: break
        default: throw WebSocketStreamError(.invalidClose)
        }
        guard let reason = String(validating: body.readableBytesView, as: UTF8.self) else {
            throw WebSocketStreamError(.invalidClose)
        }
        return WebSocketClosed(code: code, reason: reason)
    }

    // MARK: Sending

    /// Takes as many bytes from the front of a buffer as one frame carries, and makes the frame of them.
    ///
    /// The frame is made in the buffer's own storage if that has no other owner and room before the bytes
    /// (``TransportConnection/payloadHeadroom``).
    ///
    /// - Returns: `nil` when the buffer is empty, or a Close frame was made.
    public mutating func takeFrame(from bytes: inout ByteBuffer) -> Frame? {
        guard !self.hasSentClose, bytes.readableBytes > 0 else { return nil }
        if bytes.readableBytes <= self.maximumFrameLength {
            var frame = ByteBuffer()
            swap(&frame, &bytes)
            return self.wire(.binary, consume frame)
        }
        guard let piece = bytes.readSlice(length: self.maximumFrameLength) else { return nil }
        return self.wire(.binary, piece)
    }

    /// Makes the answer of a ping.
    ///
    /// - Parameter data: The ping's data.
    /// - Returns: The frame's bytes; `nil` when a Close frame was made.
    public mutating func pong(_ data: ByteBuffer) -> ByteBuffer? {
        self.hasSentClose ? nil : self.wire(.pong, data).bytes
    }

    /// Makes the Close frame, with the code 1000. Nothing can be sent after it.
    ///
    /// - Returns: The frame's bytes; `nil` when the frame was made before.
    public mutating func close(_ reason: WebSocketCloseReason = .none) -> ByteBuffer? {
        guard !self.hasSentClose else { return nil }
        self.hasSentClose = true
        var body = ByteBufferAllocator().buffer(capacity: WebSocketFrameWriter.maximumHeaderLength + 32)
        body.moveWriterIndex(to: WebSocketFrameWriter.maximumHeaderLength)
        body.moveReaderIndex(to: WebSocketFrameWriter.maximumHeaderLength)
        body.writeInteger(UInt16(1000))
        body.writeString(reason.text)
        return self.wire(.connectionClose, consume body).bytes
    }

    private mutating func wire(_ opcode: WebSocketOpcode, _ data: consuming ByteBuffer) -> Frame {
        let key = self.role == .client ? self.maskingKeys.next() : nil
        return WebSocketFrameWriter.frame(opcode, consume data, key: key)
    }
}
