// SPDX-License-Identifier: Apache-2.0

internal import NIOCore
internal import NIOWebSocket

/// Writes whole frames: the header into the room before the data, and a client's mask over it.
///
/// NIO's frame encoder masks byte by byte and boxes each frame; this is the same on the wire.
///
/// Specification: RFC 6455, section 5.2.
enum WebSocketFrameWriter {
    /// Bytes of the longest header: opcode, length, masking key.
    static let maximumHeaderLength = 14

    /// Data of a server that has other owners goes behind its header as it is, unless a copy is cheaper.
    private static let longestCopy = 1024

    /// Makes a frame that is the only one of its message.
    ///
    /// - Parameter key: The masking key of a client; `nil` on a server.
    static func frame(
        _ opcode: WebSocketOpcode,
        _ data: consuming ByteBuffer,
        key: WebSocketMasking.Key?
    ) -> WebSocketByteStream.Frame {
        let header = Header(opcode: opcode, length: data.readableBytes, key: key)
        let isDone: Bool? = data.modifyIfUniquelyOwned { data in
            let start = data.readerIndex - header.count
            guard start >= 0 else { return false }
            if let key { WebSocketMasking.apply(key, toUnique: &data) }
            data.setHeader(header, at: start)
            data.moveReaderIndex(to: start)
            return true
        }
        if isDone == true { return .init(bytes: data) }
        let isHeaderOnly = key == nil && data.readableBytes > Self.longestCopy
        var frame = ByteBufferAllocator().buffer(capacity: header.count + (isHeaderOnly ? 0 : data.readableBytes))
        frame.setHeader(header, at: 0)
        frame.moveWriterIndex(to: header.count)
        if isHeaderOnly { return .init(bytes: frame, data: data) }
        if let key {
            WebSocketMasking.write(data, with: key, to: &frame)
        } else {
            frame.writeImmutableBuffer(data)
        }
        return .init(bytes: frame)
    }

    fileprivate struct Header {
        let firstByte: UInt8
        let length: Int
        let key: WebSocketMasking.Key?

        init(opcode: WebSocketOpcode, length: Int, key: WebSocketMasking.Key?) {
            self.firstByte = 0x80 | UInt8(webSocketOpcode: opcode)
            self.length = length
            self.key = key
        }

        var count: Int {
            let lengthCount = self.length < 126 ? 1 : self.length <= Int(UInt16.max) ? 3 : 9
            return 1 + lengthCount + (self.key == nil ? 0 : 4)
        }
    }
}

extension ByteBuffer {
    fileprivate mutating func setHeader(_ header: WebSocketFrameWriter.Header, at start: Int) {
        let mask: UInt8 = header.key == nil ? 0 : 0x80
        var index = start
        index += self.setInteger(header.firstByte, at: index)
        switch header.length {
        case ..<126:
            index += self.setInteger(mask | UInt8(truncatingIfNeeded: header.length), at: index)
        case ...Int(UInt16.max):
            index += self.setInteger(mask | 126, at: index)
            index += self.setInteger(UInt16(truncatingIfNeeded: header.length), at: index)
        default:
            index += self.setInteger(mask | 127, at: index)
            index += self.setInteger(UInt64(truncatingIfNeeded: header.length), at: index)
        }
        if let key = header.key { self.setInteger(key.bytes, at: index, endianness: .host) }
    }
}
