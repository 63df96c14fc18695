// SPDX-License-Identifier: Apache-2.0

import MTProtoCrypto
import MTProtoTransport
import NIOCore
import NIOWebSocket
import Testing

/// The rules, one frame after the other.
struct WebSocketByteStreamTests {
    private static let key: WebSocketMaskingKey = [1, 2, 3, 4]

    /// A frame as the peer of `role` sends it.
    private static func frame(
        to role: Role,
        _ opcode: WebSocketOpcode,
        _ bytes: [UInt8] = [],
        fin: Bool = true
    ) -> WebSocketFrame {
        var data = ByteBuffer(bytes: bytes)
        guard role == .server else { return WebSocketFrame(fin: fin, opcode: opcode, data: data) }
        data.webSocketMask(Self.key)
        return WebSocketFrame(fin: fin, opcode: opcode, maskKey: Self.key, data: data)
    }

    private static func bytes(_ event: WebSocketByteStream.Event?) -> [UInt8]? {
        if case .bytes(let buffer) = event { return buffer.bytes }
        return nil
    }

    @Test(
        "Binary messages, whole and in fragments, with control frames between, are one stream",
        arguments: [Role.client, .server]
    )
    func stream(role: Role) throws {
        var stream = WebSocketByteStream(role: role)
        #expect(Self.bytes(try stream.receive(Self.frame(to: role, .binary, [1, 2, 3]))) == [1, 2, 3])
        #expect(Self.bytes(try stream.receive(Self.frame(to: role, .binary, [4], fin: false))) == [4])
        #expect(try stream.receive(Self.frame(to: role, .ping, [9])) == .ping(ByteBuffer(bytes: [9])))
        #expect(Self.bytes(try stream.receive(Self.frame(to: role, .continuation, [5, 6], fin: false))) == [5, 6])
        #expect(try stream.receive(Self.frame(to: role, .pong, [9])) == nil)
        #expect(try stream.receive(Self.frame(to: role, .continuation, [], fin: false)) == nil)
        #expect(Self.bytes(try stream.receive(Self.frame(to: role, .continuation, [7]))) == [7])
        #expect(try stream.receive(Self.frame(to: role, .binary)) == nil)
        #expect(Self.bytes(try stream.receive(Self.frame(to: role, .binary, [8]))) == [8])
    }

    struct Breach: Sendable, CustomTestStringConvertible {
        let code: WebSocketStreamError.Code
        let status: UInt16
        /// What makes a message begin before.
        var isInsideMessage = false
        let change: @Sendable (inout WebSocketFrame) -> Void

        var testDescription: String { "\(self.code)" }
    }

    static let breaches: [Breach] = [
        Breach(code: .reservedBits, status: 1002) { $0.rsv1 = true },
        Breach(code: .reservedBits, status: 1002) { $0.rsv2 = true },
        Breach(code: .reservedBits, status: 1002) { $0.rsv3 = true },
        Breach(code: .textMessage, status: 1003) { $0.opcode = .text },
        Breach(code: .textMessage, status: 1003) {
            $0.opcode = .text
            $0.fin = false
        },
        Breach(code: .unexpectedContinuation, status: 1002) { $0.opcode = .continuation },
        Breach(code: .messageInMessage, status: 1002, isInsideMessage: true) { $0.opcode = .binary },
        Breach(code: .messageInMessage, status: 1002, isInsideMessage: true) { $0.opcode = .text },
        Breach(code: .fragmentedControl, status: 1002) {
            $0.opcode = .ping
            $0.fin = false
        },
        Breach(code: .fragmentedControl, status: 1002) {
            $0.opcode = .connectionClose
            $0.fin = false
        },
        Breach(code: .oversizedControl, status: 1002) {
            $0.opcode = .ping
            $0.data = ByteBuffer(repeating: 0, count: 126)
        },
        Breach(code: .oversizedControl, status: 1002) {
            $0.opcode = .pong
            $0.data = ByteBuffer(repeating: 0, count: 126)
        },
    ]

    @Test("A broken rule ends the input", arguments: breaches, [Role.client, .server])
    func breach(_ breach: Breach, role: Role) throws {
        var stream = WebSocketByteStream(role: role)
        _ = try stream.receive(Self.frame(to: role, .binary, [1], fin: !breach.isInsideMessage))
        var frame = Self.frame(to: role, .binary, [2])
        breach.change(&frame)
        let error = #expect(throws: WebSocketStreamError.self) { try stream.receive(frame) }
        #expect(error?.code == breach.code)
        #expect(error?.status == breach.status)
        #expect(stream.hasInputEnded)
        #expect(try stream.receive(Self.frame(to: role, .binary, [3])) == nil)
    }

    @Test("All opcodes without a meaning are refused", arguments: [Role.client, .server])
    func reservedOpcodes(role: Role) throws {
        for opcode in Array(UInt8(3)...7) + Array(UInt8(0xb)...0xf) {
            var stream = WebSocketByteStream(role: role)
            let frame = Self.frame(to: role, try #require(WebSocketOpcode(encodedWebSocketOpcode: opcode)), [1])
            let error = #expect(throws: WebSocketStreamError.self) { try stream.receive(frame) }
            #expect(error?.code == .reservedOpcode, "opcode \(opcode)")
        }
    }

    @Test(
        "A client's frames must be masked, a server's must not",
        arguments: [WebSocketOpcode.binary, .ping, .connectionClose]
    )
    func masks(opcode: WebSocketOpcode) throws {
        var server = WebSocketByteStream(role: .server)
        let unmasked = #expect(throws: WebSocketStreamError.self) {
            try server.receive(Self.frame(to: .client, opcode))
        }
        #expect(unmasked?.code == .notMasked)
        var client = WebSocketByteStream(role: .client)
        let masked = #expect(throws: WebSocketStreamError.self) {
            try client.receive(Self.frame(to: .server, opcode))
        }
        #expect(masked?.code == .masked)
    }

    @Test(
        "What a Close frame says",
        arguments: [
            ("", nil as UInt16?, "", nil as Int32?), ("03e8", 1000, "", nil), ("0bb8", 3000, "", nil),
            ("03e8 202020202d343034", 1000, "    -404", 404), ("03e8 3430342020202020", 1000, "404     ", 404),
            ("03e8 2d343434", 1000, "-444", 444), ("03e9 2d", 1001, "-", nil), ("03e8 20", 1000, " ", nil),
            ("03e8 31303032", 1000, "1002", nil), ("03e8 2d31303032", 1000, "-1002", 1002),
            ("03e8 34203034", 1000, "4 04", nil), ("03e8 2d30", 1000, "-0", nil),
            ("03e8 2d3939393939393939393939", 1000, "-99999999999", nil), ("03e8 2b343034", 1000, "+404", nil),
        ]
    )
    func closed(body: String, code: UInt16?, reason: String, error: Int32?) throws {
        for role in [Role.client, .server] {
            var stream = WebSocketByteStream(role: role)
            let event = try stream.receive(Self.frame(to: role, .connectionClose, hex(body)))
            guard case .closed(let closed) = event else {
                Issue.record("not closed")
                continue
            }
            #expect(closed == WebSocketClosed(code: code, reason: reason))
            #expect(closed.transportError?.rawValue == error)
            #expect(stream.hasInputEnded)
            #expect(try stream.receive(Self.frame(to: role, .text, [1])) == nil)
        }
    }

    @Test(
        "Close frames that must not be",
        arguments: [
            "03", "0000", "03e7", "03ec", "03ed", "03ee", "03f7", "03f8", "07d0", "0bb7", "1388", "ffff", "03e8 ff",
            "03e8 c3",
        ]
    )
    func invalidClose(body: String) throws {
        var stream = WebSocketByteStream(role: .server)
        let error = #expect(throws: WebSocketStreamError.self) {
            try stream.receive(Self.frame(to: .server, .connectionClose, hex(body)))
        }
        #expect(error?.code == .invalidClose)
    }

    @Test("An error is padded to eight bytes, and read back")
    func reasons() {
        for code in [1, 404, 99_999, 999_999_999] as [Int32] {
            let reason = WebSocketCloseReason(TransportErrorCode(rawValue: code)).text
            #expect(reason.utf8.count == max(8, "\(code)".utf8.count + 1))
            #expect(WebSocketClosed(code: 1000, reason: reason).transportError?.rawValue == code)
        }
        #expect(WebSocketCloseReason.none.text.isEmpty)
    }
}
