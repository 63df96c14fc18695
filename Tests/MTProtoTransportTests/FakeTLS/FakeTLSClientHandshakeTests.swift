// SPDX-License-Identifier: Apache-2.0

import MTProtoCrypto
import MTProtoTransport
import NIOCore
import Synchronization
import Testing

/// `obfuscation.md` §10.4 and §10.8.
struct FakeTLSClientHandshakeTests {
    static let schedules: [SplitSchedule] = [.whole, .byteByByte, .random(seed: 4), .random(seed: 5)]

    private static func handshake() throws -> FakeTLSClientHandshake {
        try FakeTLSClientHandshake(
            secret: FakeTLSVectors.secret(),
            clock: { FakeTLSVectors.unixTime },
            profile: FakeTLSVectors.profile(),
            random: FakeTLSVectors.source()
        )
    }

    private static func flight(_ records: [[UInt8]]) throws -> [UInt8] {
        let random = try #require(Bytes32(FakeTLSVectors.random))
        return try FakeTLSVectors.flight(records, answering: random, key: FakeTLSVectors.secret().key)
    }

    @Test("The vector; what is glued behind the answer stays", arguments: Self.schedules)
    func vector(schedule: SplitSchedule) throws {
        var handshake = try Self.handshake()
        let next = hex("1703030001ff16")
        let result = try handshake.run(schedule.reads([FakeTLSVectors.flight, next]))
        #expect(result.sent == [FakeTLSVectors.hello])
        #expect(result.isDone)
        #expect(result.left == next)
        var more = ByteBuffer(bytes: FakeTLSVectors.flight)
        #expect(try handshake.receive(&more) == .done)
        #expect(more.bytes == FakeTLSVectors.flight)
    }

    @Test("The server's digest of the vector")
    func serverDigest() throws {
        #expect(try Self.flight(FakeTLSVectors.records) == FakeTLSVectors.flight)
        #expect(Array(FakeTLSVectors.flight[11..<43]) == FakeTLSVectors.serverRandom)
    }

    @Test("Nothing is consumed of an answer that lacks its last byte")
    func waits() throws {
        var handshake = try Self.handshake()
        let partial = Array(FakeTLSVectors.flight.dropLast())
        let result = try handshake.run([partial])
        #expect(!result.isDone)
        #expect(result.left == partial)
    }

    struct Shape: Sendable, CustomTestStringConvertible {
        let testDescription: String
        let records: [[UInt8]]
    }

    private static let ticket = FakeTLSVectors.record(0x16, [4, 0, 0, 1, 0])

    static let accepted = [
        Shape(testDescription: "another suite, the extensions exchanged", records: [Self.seriypsHello] + Self.tail),
        Shape(
            testDescription: "16 further handshake records",
            records: [FakeTLSVectors.records[0]] + Array(repeating: Self.ticket, count: 16) + Self.tail
        ),
        Shape(
            testDescription: "the longest data",
            records: [
                FakeTLSVectors.records[0], FakeTLSVectors.records[1],
                FakeTLSVectors.record(0x17, [UInt8](repeating: 7, count: 65_535)),
            ]
        ),
        Shape(
            testDescription: "the longest answer",
            records: [
                FakeTLSVectors.records[0],
                FakeTLSVectors.record(0x16, [UInt8](repeating: 4, count: 65_536 - 127 - 6 - 5)),
                FakeTLSVectors.records[1], FakeTLSVectors.record(0x17, [UInt8](repeating: 7, count: 65_535)),
            ]
        ),
        Shape(
            testDescription: "empty handshake records",
            records: [FakeTLSVectors.records[0], FakeTLSVectors.record(0x16, [])] + Self.tail
        ),
        Shape(
            testDescription: "a message of TLS 1.3 behind ServerHello in its record",
            records: [FakeTLSVectors.record(0x16, Array(FakeTLSVectors.records[0][5...]) + [8, 0, 0, 0])] + Self.tail
        ),
        Shape(
            testDescription: "no data at all",
            records: [FakeTLSVectors.records[0], FakeTLSVectors.records[1], FakeTLSVectors.record(0x17, [])]
        ),
        Shape(
            testDescription: "the shortest ServerHello",
            records: [FakeTLSVectors.record(0x16, [2] + [UInt8](repeating: 0, count: 37))] + Self.tail
        ),
    ]

    private static let tail = Array(FakeTLSVectors.records[1...])

    private static let seriypsHello: [UInt8] = {
        var hello = FakeTLSVectors.records[0]
        hello.replaceSubrange(76..<78, with: [0xc0, 0x2f])
        let versions = hello[121..<127]
        hello.replaceSubrange(81..<127, with: versions + hello[81..<121])
        return hello
    }()

    @Test("Answers that proxies may give", arguments: Self.accepted, [SplitSchedule.whole, .random(seed: 2)])
    func accepts(shape: Shape, schedule: SplitSchedule) throws {
        var handshake = try Self.handshake()
        let result = try handshake.run(schedule.reads([Self.flight(shape.records)]))
        #expect(result.isDone && result.left.isEmpty)
    }

    struct Refusal: Sendable, CustomTestStringConvertible {
        let testDescription: String
        let answer: [UInt8]
        let code: FakeTLSError.Code
        var value: UInt8?
    }

    /// The vector's answer with one byte changed.
    private static func changed(_ index: Int, to byte: UInt8) -> [UInt8] {
        var flight = FakeTLSVectors.flight
        flight[index] = byte
        return flight
    }

    static let retryRequest: [UInt8] = {
        var hello = FakeTLSVectors.records[0]
        hello.replaceSubrange(
            11..<43,
            with: hex("cf21ad74e59a6111be1d8c021e65b891c2a211167abb8c5e079e09e2c8a8339c")
        )
        return hello
    }()

    static let refusals = [
        Refusal(testDescription: "HTTP", answer: Array("HTTP/1.1 400 Bad Request".utf8), code: .notTLS),
        Refusal(testDescription: "SSH", answer: Array("SSH-2.0-x".utf8), code: .notTLS),
        Refusal(testDescription: "another major version", answer: hex("1602"), code: .notTLS),
        Refusal(testDescription: "handshake_failure", answer: hex("15030300020228"), code: .alert, value: 40),
        Refusal(testDescription: "an old server's alert", answer: hex("15030100020246"), code: .alert, value: 70),
        Refusal(
            testDescription: "an alert behind ServerHello",
            answer: FakeTLSVectors.records[0] + hex("15030300020132"),
            code: .alert,
            value: 50
        ),
        Refusal(testDescription: "a long alert", answer: hex("1503030003"), code: .malformed),
        Refusal(testDescription: "SSL 3", answer: hex("160300"), code: .ordinaryTLSServer),
        Refusal(testDescription: "TLS 1.0", answer: hex("160301"), code: .ordinaryTLSServer),
        Refusal(testDescription: "TLS 1.1", answer: hex("160302"), code: .ordinaryTLSServer),
        Refusal(testDescription: "a version that is none", answer: hex("160304"), code: .malformed),
        Refusal(testDescription: "TLS 1.0's data", answer: hex("170301"), code: .malformed),
        Refusal(
            testDescription: "another version behind ServerHello",
            answer: FakeTLSVectors.records[0] + hex("160301"),
            code: .malformed
        ),
        Refusal(
            testDescription: "a ChangeCipherSpec first",
            answer: hex("1403030001"),
            code: .unexpectedRecord,
            value: 0x14
        ),
        Refusal(testDescription: "data first", answer: hex("1703030001"), code: .unexpectedRecord, value: 0x17),
        Refusal(testDescription: "another message than ServerHello", answer: hex("160303007a 01"), code: .malformed),
        Refusal(testDescription: "a ServerHello without random", answer: hex("1603030025"), code: .malformed),
        Refusal(testDescription: "a request for another hello", answer: Self.retryRequest, code: .ordinaryTLSServer),
        Refusal(
            testDescription: "17 further handshake records",
            answer: FakeTLSVectors.records[0] + Array(repeating: Self.ticket, count: 17).flatMap { $0 },
            code: .unexpectedRecord,
            value: 0x16
        ),
        Refusal(
            testDescription: "no ChangeCipherSpec",
            answer: FakeTLSVectors.records[0] + FakeTLSVectors.records[2],
            code: .ordinaryTLSServer
        ),
        Refusal(
            testDescription: "TLS 1.3 without ChangeCipherSpec, until its second header",
            answer: FakeTLSVectors.openSSLOfTLS13 + hex("1703030017"),
            code: .ordinaryTLSServer
        ),
        Refusal(
            testDescription: "TLS 1.3, until its first data is whole",
            answer: FakeTLSVectors.openSSLOfTLS13 + hex("140303000101 1703030002 fd74"),
            code: .ordinaryTLSServer
        ),
        Refusal(
            testDescription: "TLS 1.2, a record for each message",
            answer: FakeTLSVectors.openSSLOfTLS12.flatMap { $0 },
            code: .ordinaryTLSServer
        ),
        Refusal(
            testDescription: "TLS 1.2, all messages in one record",
            answer: FakeTLSVectors.record(0x16, FakeTLSVectors.openSSLOfTLS12.flatMap { $0[5...] }),
            code: .ordinaryTLSServer
        ),
        Refusal(
            testDescription: "TLS 1.2, the last messages in a second record",
            answer: FakeTLSVectors.openSSLOfTLS12[0]
                + FakeTLSVectors.record(0x16, FakeTLSVectors.openSSLOfTLS12[1...].flatMap { $0[5...] }),
            code: .ordinaryTLSServer
        ),
        Refusal(
            testDescription: "TLS 1.2, a session continued",
            answer: FakeTLSVectors.openSSLOfTLS12[0] + hex("140303000101 1603030028"),
            code: .ordinaryTLSServer
        ),
        Refusal(
            testDescription: "an unknown type",
            answer: FakeTLSVectors.records[0] + [0x18],
            code: .unexpectedRecord,
            value: 0x18
        ),
        Refusal(
            testDescription: "a second ChangeCipherSpec",
            answer: FakeTLSVectors.records[0] + FakeTLSVectors.records[1] + FakeTLSVectors.records[1],
            code: .unexpectedRecord,
            value: 0x14
        ),
        Refusal(
            testDescription: "a long ChangeCipherSpec",
            answer: FakeTLSVectors.records[0] + hex("1403030002 0101"),
            code: .malformed
        ),
        Refusal(testDescription: "a ChangeCipherSpec of 2", answer: Self.changed(132, to: 2), code: .malformed),
        Refusal(testDescription: "the version of data", answer: Self.changed(135, to: 4), code: .malformed),
        Refusal(testDescription: "the major version of data", answer: Self.changed(134, to: 4), code: .malformed),
        Refusal(
            testDescription: "too long by one before its data",
            answer: FakeTLSVectors.records[0] + hex("160303ff7d"),
            code: .tooLong
        ),
        Refusal(testDescription: "a wrong digest", answer: Self.changed(11, to: 0), code: .ordinaryTLSServer),
        Refusal(
            testDescription: "a wrong end of the digest",
            answer: Self.changed(42, to: 0),
            code: .ordinaryTLSServer
        ),
        Refusal(testDescription: "other data", answer: Self.changed(201, to: 0), code: .ordinaryTLSServer),
        Refusal(testDescription: "another session", answer: Self.changed(44, to: 0), code: .ordinaryTLSServer),
    ]

    @Test("Each refusal is its own error, and stays", arguments: Self.refusals, Self.schedules)
    func refuses(refusal: Refusal, schedule: SplitSchedule) throws {
        var handshake = try Self.handshake()
        let error = #expect(throws: FakeTLSError.self) { try handshake.run(schedule.reads([refusal.answer])) }
        #expect(error?.code == refusal.code)
        #expect(error?.value == refusal.value)
        #expect(error?.description.isEmpty == false)
        var good = ByteBuffer(bytes: FakeTLSVectors.flight)
        let failure = try #require(error)
        #expect(throws: failure) { try handshake.receive(&good) }
    }

    @Test(
        "Every message of TLS 1.2 behind ServerHello is seen at its first byte",
        arguments: [0x0b, 0x0c, 0x0d, 0x0e, 0x16]
    )
    func messagesOfTLS12(type: UInt8) throws {
        for schedule in Self.schedules {
            var handshake = try Self.handshake()
            let answer = FakeTLSVectors.records[0] + hex("1603030190") + [type]
            let error = #expect(throws: FakeTLSError.self) { try handshake.run(schedule.reads([answer])) }
            #expect(error?.code == .ordinaryTLSServer, "\(schedule)")
            var waiting = try Self.handshake()
            #expect(try waiting.run([answer.dropLast()]).isDone == false)
        }
    }

    @Test("The hello has the time of the start, not that of the making")
    func readsClockAtStart() throws {
        let now = Mutex<Int64>(1_000)
        var handshake = try FakeTLSClientHandshake(
            secret: FakeTLSVectors.secret(),
            clock: { now.withLock { $0 } },
            random: .seeded(1)
        )
        now.withLock { $0 = 1_030 }
        let hello = handshake.start()
        let key = try FakeTLSVectors.secret().key
        #expect(FakeTLSDigest.unixTime(of: hello, key: key) == 1_030)
        now.withLock { $0 = 1_060 }
        #expect(handshake.start() == hello)
        let random = try #require(FakeTLSDigest.random(in: hello))
        var answer = ByteBuffer(
            bytes: try FakeTLSVectors.flight(FakeTLSVectors.records, answering: random, key: key)
        )
        #expect(try handshake.receive(&answer) == .done)
    }

    @Test("What people read names all reasons for a stranger's answer")
    func explains() throws {
        var handshake = try Self.handshake()
        let error = #expect(throws: FakeTLSError.self) { try handshake.run([Self.retryRequest]) }
        for word in ["secret", "clock", "old proxy that takes only the compact hello"] {
            #expect(error?.description.contains(word) == true, "\(word)")
        }
    }

    @Test("An answer for another hello, and one of who has another secret")
    func otherHello() throws {
        let secret = try FakeTLSVectors.secret()
        let random = Bytes32.random(.seeded(1))
        let right = try #require(Bytes32(FakeTLSVectors.random))
        let answers = [
            try FakeTLSVectors.flight(FakeTLSVectors.records, answering: random, key: secret.key),
            try FakeTLSVectors.flight(FakeTLSVectors.records, answering: right, key: Bytes16()),
        ]
        for answer in answers {
            var handshake = try Self.handshake()
            let error = #expect(throws: FakeTLSError.self) { try handshake.run([answer]) }
            #expect(error?.code == .ordinaryTLSServer)
        }
    }
}
