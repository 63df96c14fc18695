// SPDX-License-Identifier: Apache-2.0

import MTProtoCrypto
import NIOCore

/// The frames of a WebSocket on the client's side, made and read with no library's help.
struct RawWebSocket {
    struct Refused: Error {
        let status: Int
    }

    struct Malformed: Error {}

    struct CloseReason: Hashable {
        let code: UInt16
        let text: String
    }

    private var received = ByteBuffer()
    private(set) var closeReason: CloseReason?
    private var mustAnswerClose = false

    static func request(path: String, headers: [String] = []) -> ByteBuffer {
        RawHTTP.request(
            "GET",
            path,
            headers: [
                "Upgrade: websocket", "Connection: Upgrade", "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
                "Sec-WebSocket-Version: 13", "Sec-WebSocket-Protocol: binary",
            ] + headers
        )
    }

    /// A masked frame.
    static func frame(_ payload: ByteBuffer, opcode: UInt8 = 2, isFinal: Bool = true) -> ByteBuffer {
        let key = RandomSource.system.bytes(4)
        var frame = ByteBuffer()
        frame.writeInteger((isFinal ? 0x80 : 0) | opcode)
        switch payload.readableBytes {
        case ..<126:
            frame.writeInteger(0x80 | UInt8(payload.readableBytes))
        case ..<65_536:
            frame.writeInteger(0x80 | UInt8(126))
            frame.writeInteger(UInt16(payload.readableBytes))
        default:
            frame.writeInteger(0x80 | UInt8(127))
            frame.writeInteger(UInt64(payload.readableBytes))
        }
        frame.writeBytes(key)
        var bytes = Array(payload.readableBytesView)
        // Long ones would take the unoptimized tests seconds otherwise.
        bytes.withUnsafeMutableBufferPointer { bytes in
            for index in 0..<bytes.count { bytes[index] ^= key[index & 3] }
        }
        frame.writeBytes(bytes)
        return frame
    }

    /// Reads the answer to the upgrade; false when it is not there yet.
    mutating func readUpgrade(_ http: inout RawHTTP) throws -> Bool {
        guard let head = try http.nextHead() else { return false }
        let headers = Dictionary(head.headers.map { ($0.name.lowercased(), $0.value) }) { first, _ in first }
        guard head.status == 101, headers["sec-websocket-accept"] == "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=",
            headers["sec-websocket-protocol"] == "binary", headers["sec-websocket-extensions"] == nil
        else { throw Refused(status: head.status) }
        self.received = http.received
        http.received = ByteBuffer()
        return true
    }

    /// The contents of the binary frames that are complete.
    mutating func receive(_ bytes: ByteBuffer) throws -> [ByteBuffer] {
        self.received.writeImmutableBuffer(bytes)
        var contents: [ByteBuffer] = []
        while let (opcode, payload) = try self.nextFrame() {
            switch opcode {
            case 0, 2: contents.append(payload)
            case 8:
                var payload = payload
                let code: UInt16 = payload.readInteger() ?? 1005
                self.closeReason = CloseReason(code: code, text: String(buffer: payload))
                self.mustAnswerClose = true
            default: break
            }
        }
        return contents
    }

    /// The frame that answers the server's Close, once.
    mutating func takeClosing() -> ByteBuffer? {
        guard self.mustAnswerClose else { return nil }
        self.mustAnswerClose = false
        return Self.frame(ByteBuffer(integer: UInt16(1_000)), opcode: 8)
    }

    private mutating func nextFrame() throws -> (opcode: UInt8, payload: ByteBuffer)? {
        var bytes = self.received
        guard let first: UInt8 = bytes.readInteger(), let second: UInt8 = bytes.readInteger() else { return nil }
        // A server does not mask.
        guard second & 0x80 == 0 else { throw Malformed() }
        var length = Int(second)
        if second == 126 {
            guard let long: UInt16 = bytes.readInteger() else { return nil }
            length = Int(long)
        } else if second == 127 {
            guard let long: UInt64 = bytes.readInteger() else { return nil }
            length = Int(long)
        }
        guard let payload = bytes.readSlice(length: length) else { return nil }
        self.received = bytes
        return (first & 0x0F, payload)
    }
}
