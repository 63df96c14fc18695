// SPDX-License-Identifier: Apache-2.0
import MTProtoCrypto
import MTProtoTransport
import NIOCore
import NIOEmbedded
import NIOWebSocket

private let longestFrame = 1024

/// A WebSocket from the wire up, behind NIO's frame decoder, against a model of it that is as plain as can be.
func fuzzWebSocket(_ input: inout FuzzInput) {
    let control = input.byte()
    let role: Role = control & 1 == 0 ? .server : .client
    let observer = StreamObserver()
    let channel = EmbeddedChannel(handlers: [
        WebSocketFrameEncoder(), ByteToMessageHandler(WebSocketFrameDecoder(maxFrameSize: longestFrame)),
        WebSocketStreamHandler(role: role, maximumFrameLength: 1 + Int(control >> 1), random: .seeded(5)), observer,
    ])
    defer { _ = try? channel.finish(acceptAlreadyClosed: true) }
    var wire: [UInt8] = []
    var answers = OutgoingFrames(role: role)
    while !input.isAtEnd {
        let chunk = input.chunk()
        wire += chunk
        _ = try? channel.writeInbound(ByteBuffer.shifted(chunk))
        channel.isWritable = chunk.count % 3 != 0
        channel.pipeline.fireChannelWritabilityChanged()
        _ = try? channel.writeOutbound(ByteBuffer(repeating: 7, count: chunk.count % 700))
        while let bytes = try? channel.readOutbound(as: ByteBuffer.self) {
            answers.append(Array(bytes.readableBytesView))
        }
    }
    let expected = WebSocketModel.read(wire, role: role)
    precondition(observer.bytes == expected.bytes, "another stream than the frames hold")
    precondition(observer.closeCount == (expected.end == .closed ? 1 : 0), "a Close frame is lost or invented")
    precondition(observer.errorCount == (expected.end == .broken ? 1 : 0), "a broken rule is lost or invented")
    precondition(observer.bytes.isEmpty || observer.reads > 0, "bytes without a read")
    precondition(answers.hasEnded == (expected.end != .open), "the end of the input is not answered with Close")
}

private final class StreamObserver: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    var bytes: [UInt8] = []
    var reads = 0
    var errorCount = 0
    var closeCount = 0

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        let buffer = Self.unwrapInboundIn(data)
        precondition(buffer.readableBytes > 0, "an empty read")
        self.bytes += buffer.readableBytesView
        self.reads += 1
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        guard let closed = event as? WebSocketClosed else { return }
        _ = closed.transportError
        _ = closed.description
        self.closeCount += 1
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        precondition(error is WebSocketStreamError, "a foreign error")
        self.errorCount += 1
    }
}

/// What leaves must be whole frames of the right kind, and nothing behind Close.
private struct OutgoingFrames {
    let role: Role
    var pending: [UInt8] = []
    var hasEnded = false

    init(role: Role) {
        self.role = role
    }

    mutating func append(_ bytes: [UInt8]) {
        self.pending += bytes
        while let (frame, count) = WebSocketModel.frame(at: 0, of: self.pending) {
            precondition(!self.hasEnded, "a frame behind Close")
            precondition(frame.isMasked == (self.role == .client), "a frame with the wrong mask")
            precondition(frame.first == 0x82 || frame.first == 0x8A || frame.first == 0x88, "a frame of a wrong kind")
            if frame.first == 0x82 { precondition(frame.data.allSatisfy { $0 == 7 }, "other bytes than were written") }
            self.hasEnded = frame.first == 0x88
            self.pending.removeFirst(count)
        }
    }
}

private enum WebSocketModel {
    struct Frame {
        var first: UInt8
        var isMasked: Bool
        var length: UInt64
        var data: [UInt8]
    }

    enum End { case open, closed, broken }

    /// The frame at an offset and where it ends; `nil` if it is not whole.
    static func frame(at start: Int, of wire: [UInt8]) -> (Frame, Int)? {
        guard let (header, body) = self.header(at: start, of: wire), header.length <= UInt64(wire.count) else {
            return nil
        }
        let data = body + (header.isMasked ? 4 : 0)
        let end = data + Int(header.length)
        guard end <= wire.count else { return nil }
        var frame = header
        frame.data = Array(wire[data..<end])
        if frame.isMasked { for index in frame.data.indices { frame.data[index] ^= wire[body + index % 4] } }
        return (frame, end)
    }

    /// A header as far as the length, and where the mask or the data begins.
    static func header(at start: Int, of wire: [UInt8]) -> (Frame, Int)? {
        guard start + 2 <= wire.count else { return nil }
        let short = wire[start + 1] & 0x7F
        let count = short == 127 ? 8 : short == 126 ? 2 : 0
        guard start + 2 + count <= wire.count else { return nil }
        let long = wire[(start + 2)..<(start + 2 + count)].reduce(0) { $0 << 8 | UInt64($1) }
        let length = count == 0 ? UInt64(short) : long
        return (
            Frame(first: wire[start], isMasked: wire[start + 1] & 0x80 != 0, length: length, data: []),
            start + 2 + count
        )
    }

    static func read(_ wire: [UInt8], role: Role) -> (bytes: [UInt8], end: End) {
        var bytes: [UInt8] = []
        var isInside = false
        var offset = 0
        while let (header, _) = self.header(at: offset, of: wire) {
            let isControl = header.first & 8 != 0
            let isLast = header.first & 0x80 != 0
            // The decoder refuses these before the data is there.
            if header.length > UInt64(longestFrame) { return (bytes, .broken) }
            if isControl, !isLast || header.length > 125 { return (bytes, .broken) }
            guard let (frame, end) = self.frame(at: offset, of: wire) else { break }
            offset = end
            if frame.first & 0x70 != 0 || frame.isMasked != (role == .server) { return (bytes, .broken) }
            switch frame.first & 15 {
            case 0 where isInside, 2 where !isInside:
                bytes += frame.data
                isInside = !isLast
            case 8: return (bytes, self.isValidClose(frame.data) ? .closed : .broken)
            case 9, 10: break
            default: return (bytes, .broken)
            }
        }
        return (bytes, .open)
    }

    private static func isValidClose(_ data: [UInt8]) -> Bool {
        guard !data.isEmpty else { return true }
        guard data.count >= 2 else { return false }
        let code = Int(data[0]) << 8 | Int(data[1])
        let isAllowed = 1000...1014 ~= code && ![1004, 1005, 1006].contains(code) || 3000...4999 ~= code
        return isAllowed && String(validating: data[2...], as: UTF8.self) != nil
    }
}
