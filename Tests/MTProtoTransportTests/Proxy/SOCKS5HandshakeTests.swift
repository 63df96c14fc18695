// SPDX-License-Identifier: Apache-2.0

import MTProtoCrypto
import MTProtoTransport
import NIOCore
import Testing

/// `carriers.md` §11.1, RFC 1928 and RFC 1929.
struct SOCKS5HandshakeTests {
    struct Destination: Sendable, CustomTestStringConvertible {
        let host: String
        let port: Int
        let request: String

        var testDescription: String { self.host }
    }

    static let destinations = [
        Destination(host: "149.154.167.51", port: 443, request: "05010001 959aa733 01bb"),
        Destination(host: "2001:67c:4e8:f002::a", port: 80, request: "05010004 2001067c04e8f002000000000000000a 0050"),
        Destination(host: "example.com", port: 5222, request: "05010003 0b6578616d706c652e636f6d 1466"),
        Destination(
            host: String(repeating: "a", count: 255),
            port: 65535,
            request: "05010003 ff" + String(repeating: "61", count: 255) + "ffff"
        ),
    ]

    static let replies = [
        "05000001 7f000001 1f90", "05000004 00000000000000000000000000000001 1f90", "05000003 0470726f78 0000",
        "05000003 00 0000", "05000003 ff" + String(repeating: "62", count: 255) + "0001",
    ]

    static let schedules: [SplitSchedule] = [.whole, .byteByByte, .random(seed: 4), .random(seed: 5)]

    private static func destination(_ host: String = "example.com", _ port: Int = 443) throws -> SocketEndpoint {
        try SocketEndpoint(host: host, port: port)
    }

    @Test("Every destination without credentials", arguments: Self.destinations, Self.schedules)
    func connects(destination: Destination, schedule: SplitSchedule) throws {
        var handshake = try SOCKS5Handshake(destination: Self.destination(destination.host, destination.port))
        let reads = schedule.reads([hex("0500"), hex(Self.replies[0])])
        let result = try handshake.run(reads)
        #expect(result.sent == [hex("050100"), hex(destination.request)])
        #expect(result.isDone)
        #expect(result.left.isEmpty)
    }

    @Test("User and password", arguments: Self.schedules)
    func authenticates(schedule: SplitSchedule) throws {
        let credentials = try ProxyCredentials(username: "user", password: "пароль")
        var handshake = try SOCKS5Handshake(destination: Self.destination(), credentials: credentials)
        let result = try handshake.run(schedule.reads([hex("0502"), hex("0100"), hex(Self.replies[0])]))
        #expect(
            result.sent == [
                hex("05020002"), hex("01 04 75736572 0c d0bfd0b0d180d0bed0bbd18c"),
                hex("05010003 0b6578616d706c652e636f6d 01bb"),
            ]
        )
        #expect(result.isDone)
    }

    @Test("The proxy may want no credentials although there are some; the longest fit, no password does not")
    func credentialsLengths() throws {
        let long = String(repeating: "x", count: 255)
        let credentials = try ProxyCredentials(username: long, password: long)
        var unasked = try SOCKS5Handshake(destination: Self.destination(), credentials: credentials)
        #expect(try unasked.run([hex("0500")]).sent.last == hex("05010003 0b6578616d706c652e636f6d 01bb"))
        var asked = try SOCKS5Handshake(destination: Self.destination(), credentials: credentials)
        let field = [255] + [UInt8](repeating: 0x78, count: 255)
        #expect(try asked.run([hex("0502")]).sent.last == [1] + field + field)
        let named = try ProxyCredentials(username: "u", password: "")
        let error = #expect(throws: SOCKS5Error.self) {
            try SOCKS5Handshake(destination: Self.destination(), credentials: named)
        }
        #expect(error?.code == .emptyPassword && error?.value == nil)
        #expect(throws: ProxyCredentialsError.invalidUsername) { try ProxyCredentials(username: "", password: "p") }
        #expect(throws: ProxyCredentialsError.invalidUsername) {
            try ProxyCredentials(username: long + "x", password: "")
        }
        #expect(throws: ProxyCredentialsError.invalidPassword) {
            try ProxyCredentials(username: "u", password: long + "x")
        }
    }

    @Test("No proxy connects to the port 0")
    func portZero() throws {
        let error = #expect(throws: SOCKS5Error.self) { try SOCKS5Handshake(destination: Self.destination("a", 0)) }
        #expect(error?.code == .invalidDestination && error?.value == nil)
        _ = try SOCKS5Handshake(destination: Self.destination("a", 1))
    }

    @Test("Who has given credentials is not told that they are missing")
    func explainsMethods() throws {
        let credentials = try ProxyCredentials(username: "u", password: "p")
        for given in [nil, credentials] {
            var handshake = try SOCKS5Handshake(destination: Self.destination(), credentials: given)
            let error = #expect(throws: SOCKS5Error.self) { try handshake.run([hex("05ff")]) }
            #expect(error?.code == .noAcceptableMethod)
            #expect(error?.description.contains("missing") == (given == nil))
        }
    }

    @Test("What is glued behind the reply stays", arguments: Self.replies, Self.schedules)
    func leavesNextLayer(reply: String, schedule: SplitSchedule) throws {
        var handshake = try SOCKS5Handshake(destination: Self.destination())
        let next: [UInt8] = [5, 0, 0, 1, 0xee]
        let result = try handshake.run(schedule.reads([hex("0500"), hex(reply), next]))
        #expect(result.isDone)
        #expect(result.left == next)
    }

    @Test("A reply that lacks its last byte is waited for, and nothing of it consumed", arguments: Self.replies)
    func waits(reply: String) throws {
        var handshake = try SOCKS5Handshake(destination: Self.destination())
        let partial = Array(hex(reply).dropLast())
        let result = try handshake.run([hex("0500"), partial])
        #expect(!result.isDone)
        #expect(result.left == partial)
    }

    struct Refusal: Sendable, CustomTestStringConvertible {
        let answers: String
        let code: SOCKS5Error.Code
        var value: UInt8?
        var hasCredentials = false

        var testDescription: String { "\(self.code)" }
    }

    static let refusals = [
        Refusal(answers: "0500 0501", code: .generalFailure), Refusal(answers: "0500 0502", code: .notAllowed),
        Refusal(answers: "0500 0503", code: .networkUnreachable),
        Refusal(answers: "0500 0504", code: .hostUnreachable),
        Refusal(answers: "0500 0505", code: .connectionRefused),
        Refusal(answers: "0500 0506", code: .timeToLiveExpired),
        Refusal(answers: "0500 0507", code: .commandNotSupported),
        Refusal(answers: "0500 0508", code: .addressTypeNotSupported),
        Refusal(answers: "0500 0509", code: .unassignedReply, value: 9),
        Refusal(answers: "0500 05ff", code: .unassignedReply, value: 255),
        Refusal(answers: "05ff", code: .noAcceptableMethod),
        Refusal(answers: "0502", code: .unexpectedMethod, value: 2),
        Refusal(answers: "0501", code: .unexpectedMethod, value: 1, hasCredentials: true),
        Refusal(answers: "0502 0101", code: .credentialsRefused, value: 1, hasCredentials: true),
        Refusal(answers: "0502 0500", code: .wrongVersion, value: 5, hasCredentials: true),
        Refusal(answers: "04", code: .wrongVersion, value: 4),
        Refusal(answers: "48545450", code: .wrongVersion, value: 0x48),
        Refusal(answers: "0500 00", code: .wrongVersion, value: 0),
        Refusal(answers: "0500 05000002", code: .malformed, value: 2),
    ]

    @Test("Each refusal is its own error, and stays", arguments: Self.refusals, Self.schedules)
    func refuses(refusal: Refusal, schedule: SplitSchedule) throws {
        let credentials = refusal.hasCredentials ? try ProxyCredentials(username: "me", password: "secret") : nil
        var handshake = try SOCKS5Handshake(destination: Self.destination(), credentials: credentials)
        let error = #expect(throws: SOCKS5Error.self) { try handshake.run(schedule.reads([hex(refusal.answers)])) }
        #expect(error?.code == refusal.code)
        #expect(error?.value == refusal.value)
        #expect(error.map { !"\($0)".isEmpty && !"\($0)".contains("secret") } == true)
        var good = ByteBuffer(hex: "0500" + Self.replies[0])
        let failure = try #require(error)
        #expect(throws: failure) { try handshake.receive(&good) }
    }

    @Test("After the end nothing is consumed")
    func staysDone() throws {
        var handshake = try SOCKS5Handshake(destination: Self.destination())
        _ = try handshake.run([hex("0500"), hex(Self.replies[0])])
        var next = ByteBuffer(hex: "0501")
        #expect(try handshake.receive(&next) == .done)
        #expect(next.bytes == hex("0501"))
    }

    @Test("No description shows credentials")
    func credentialsAreHidden() throws {
        let credentials = try ProxyCredentials(username: "somebody", password: "hunter2")
        let handshake = try SOCKS5Handshake(destination: Self.destination(), credentials: credentials)
        for value in [credentials as Any, handshake, Optional(credentials) as Any, [credentials]] {
            var dumped = ""
            dump(value, to: &dumped)
            for text in ["\(value)", String(reflecting: value), dumped] {
                #expect(!text.contains("somebody") && !text.contains("hunter2"), "\(text)")
            }
        }
    }
}
