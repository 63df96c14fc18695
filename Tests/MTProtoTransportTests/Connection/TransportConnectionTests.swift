// SPDX-License-Identifier: Apache-2.0

import MTProtoCrypto
import MTProtoTransport
import NIOCore
import Testing

/// Detection, limits, preambles, memory and typed errors of a connection.
struct TransportConnectionTests {
    static func server(
        _ configuration: TransportConnection.ServerConfiguration = .init(),
        receiving bytes: [UInt8]
    ) -> TransportConnection {
        var server = TransportConnection(server: configuration)
        server.receive(ByteBuffer(bytes: bytes))
        return server
    }

    static func header(_ framing: Framing = .intermediate, secret: ProxySecret? = nil) throws -> [UInt8] {
        try Obfuscation.initiate(framing: framing, dataCenter: nil, secret: secret, random: .seeded(2)).header
    }

    @Test("HTTP and TLS are reported once, and their bytes stay")
    func foreign() throws {
        let cases: [(String, TransportDetection)] = [
            ("504f5354202f617069", .http), ("47455420", .http), ("160301020001", .tlsClientHello),
        ]
        for (text, detection) in cases {
            var server = Self.server(receiving: hex(text))
            #expect(try server.nextEvent() == .foreign(detection))
            server.receive(ByteBuffer(bytes: [1, 2, 3]))
            #expect(try server.nextEvent() == nil)
            let error = #expect(throws: TransportConnectionError.self) { try server.sendTransportError(.notFound) }
            #expect(error?.code == .foreign)
            server.endOfStream()
            #expect(try server.nextEvent() == nil)
            #expect(server.takeBufferedBytes().bytes == hex(text) + [1, 2, 3])
            #expect(server.bufferedByteCount == 0)
        }
    }

    @Test("Foreign bytes that nobody takes do not pile up")
    func foreignLimit() throws {
        var server = Self.server(.init(maximumPayloadLengthBeforeAuthorization: 100), receiving: hex("47455420"))
        #expect(try server.nextEvent() == .foreign(.http))
        server.receive(ByteBuffer(repeating: 1, count: 96))
        #expect(try server.nextEvent() == nil)
        server.receive(ByteBuffer(repeating: 1, count: 1))
        let error = #expect(throws: TransportConnectionError.self) { try server.nextEvent() }
        #expect(error?.code == .foreign)
        server.receive(ByteBuffer(repeating: 1, count: 1))
        #expect(server.bufferedCapacity == 0)
    }

    @Test("Without detection the stream must begin with an initialization payload, which may begin with anything")
    func obfuscatedOnly() throws {
        for beginning in ["504f535400010203", "1603010200010203", "ef01020304050607", "0102030400000000"] {
            // Made by hand: a client of ours never sends such a beginning.
            var header = hex(beginning) + (8..<64).map { UInt8($0) }
            header.replaceSubrange(56..<60, with: hex("eeeeeeee"))
            var stream = AES256CTRStream(
                key: try #require(Bytes32(header[8..<40])),
                initializationVector: try #require(Bytes16(header[40..<56]))
            )
            var encrypted = header
            encrypted.withUnsafeMutableBytes { stream.apply(to: $0) }
            header.replaceSubrange(56..<64, with: encrypted[56..<64])
            var server = Self.server(.obfuscatedOnly(), receiving: header)
            guard case .handshake(let handshake) = try server.nextEvent() else {
                Issue.record("no handshake for \(beginning)")
                continue
            }
            #expect(handshake.framing == .intermediate && handshake.isObfuscated)
        }
    }

    @Test("An unrecognisable stream fails and gets no answer")
    func unrecognized() throws {
        let secret = try ProxySecret(bytes: [UInt8](repeating: 4, count: 16))
        let other = try ProxySecret(bytes: [UInt8](repeating: 5, count: 16))
        let cases: [([UInt8], [ProxySecret?])] = [
            ((0..<64).map { UInt8($0) }, [nil]), (try Self.header(), [secret]),
            (try Self.header(secret: secret), [nil]),
            (try Self.header(secret: secret), [other, nil]), (try Self.header(), []),
        ]
        for (bytes, secrets) in cases {
            var server = Self.server(.init(secrets: secrets), receiving: bytes)
            let error = #expect(throws: TransportConnectionError.self) { try server.nextEvent() }
            #expect(error?.code == .unrecognized)
            let sending = #expect(throws: TransportConnectionError.self) { try server.sendTransportError(.notFound) }
            #expect(sending?.code == .noHandshake)
            #expect(server.handshake == nil)
        }
    }

    @Test("A server may refuse plain connections, and framings")
    func refused() throws {
        for framing in Framing.allCases {
            var encoder = FrameEncoder(framing: framing, role: .client)
            var frame = ByteBuffer.payload(Payloads.ping)
            try encoder.encode(&frame)
            var plain = Self.server(.init(isPlainAllowed: false), receiving: framing.tag + frame.bytes)
            let plainError = #expect(throws: TransportConnectionError.self) { try plain.nextEvent() }
            #expect(plainError?.code == .plainNotAllowed)

            let others = Set(Framing.allCases).subtracting([framing])
            var server = Self.server(.init(framings: others), receiving: framing.tag + frame.bytes)
            let error = #expect(throws: TransportConnectionError.self) { try server.nextEvent() }
            #expect(error?.code == .framingNotAllowed)
        }
        var server = Self.server(.init(framings: [.abridged]), receiving: try Self.header(.intermediate))
        let error = #expect(throws: TransportConnectionError.self) { try server.nextEvent() }
        #expect(error?.code == .framingNotAllowed)
        let sending = #expect(throws: TransportConnectionError.self) { try server.sendTransportError(.notFound) }
        #expect(sending?.code == .noHandshake)
    }

    @Test("A server cannot send before the handshake")
    func noHandshake() throws {
        var server = TransportConnection(server: .init())
        let error = #expect(throws: TransportConnectionError.self) { try server.send(.payload(Payloads.ping)) }
        #expect(error?.code == .noHandshake)
        let quickAck = #expect(throws: TransportConnectionError.self) { try server.sendQuickAck(1) }
        #expect(quickAck?.code == .noHandshake)
        #expect(server.takePreamble() == nil)
        #expect(try server.nextEvent() == nil)
        server.endOfStream()
        #expect(try server.nextEvent() == nil)
    }

    @Test("Clients that cannot be made")
    func invalidClients() throws {
        let padded = try ProxySecret(bytes: [0xdd] + [UInt8](repeating: 4, count: 16))
        let cases: [(Framing, ProxySecret?, ObfuscationError.Code)] = [
            (.full, nil, .framingNotObfuscatable), (.intermediate, padded, .framingNotAllowedBySecret),
        ]
        for (framing, secret, code) in cases {
            let error = #expect(throws: TransportConnectionError.self) {
                _ = try TransportConnection(
                    client: .init(framing: framing, obfuscation: .init(dataCenter: .init(2), secret: secret))
                )
            }
            #expect(error?.obfuscationError?.code == code)
        }
    }

    @Test("A client's tag comes once, before the first frame", arguments: Framing.allCases)
    func preamble(framing: Framing) throws {
        var client = try TransportConnection(client: .init(framing: framing, random: .seeded(1)))
        #expect(client.takePreamble()?.bytes ?? [] == framing.tag)
        #expect(client.takePreamble() == nil)
        let first = try client.send(.payload(Payloads.ping)).bytes

        // If nobody takes it, it leads the first frame.
        var other = try TransportConnection(client: .init(framing: framing, random: .seeded(1)))
        #expect(try other.send(.payload(Payloads.ping)).bytes == framing.tag + first)
        #expect(other.takePreamble() == nil)
        #expect(client.handshake == TransportHandshake(framing: framing, isObfuscated: false))
    }

    @Test("The current key's identifier reaches the padded decoder")
    func keyIdentifier() throws {
        for (key, isError) in [(nil, true), (0x0101_0101_ffff_fe6c, false)] as [(UInt64?, Bool)] {
            var client = try TransportConnection(client: .init(framing: .paddedIntermediate))
            client.authorizationKeyIdentifier = key
            client.receive(ByteBuffer(bytes: hex("12000000 6cfeffff") + [UInt8](repeating: 1, count: 14)))
            if isError {
                #expect(try client.nextEvent() == .transportError(.notFound))
            } else {
                let error = #expect(throws: TransportConnectionError.self) { try client.nextEvent() }
                #expect(error?.framingError?.code == .invalidLength)
            }
        }
    }

    @Test("The stream may end between frames, but not inside a handshake or a frame; whole frames come out before")
    func endOfStream() throws {
        let tag = hex("eeeeeeee")
        let frame = hex("58000000") + Payloads.ping
        let handshake = TransportEvent.handshake(TransportHandshake(framing: .intermediate, isObfuscated: false))
        let payload = TransportEvent.payload(ByteBuffer(bytes: Payloads.ping), quickAckRequested: false)
        let cases: [(bytes: [UInt8], events: [TransportEvent], isTruncated: Bool)] = [
            ([], [], false), ([0xee, 0xee], [], true), (tag, [handshake], false),
            (tag + frame, [handshake, payload], false), (tag + frame + frame, [handshake, payload, payload], false),
            (tag + frame + [0x58], [handshake, payload], true),
            (tag + frame + frame.dropLast(), [handshake, payload], true),
        ]
        for item in cases {
            var server = Self.server(receiving: item.bytes)
            server.endOfStream()
            for event in item.events { #expect(try server.nextEvent() == event) }
            guard item.isTruncated else {
                #expect(try server.nextEvent() == nil)
                continue
            }
            for _ in 0..<2 {
                let error = #expect(throws: TransportConnectionError.self) { try server.nextEvent() }
                #expect(error?.code == .truncated)
            }
            #expect(server.bufferedCapacity == 0)
        }
    }

    @Test("What is discarded is neither kept nor looked at, and sending goes on")
    func discard() throws {
        var server = Self.server(receiving: hex("eeeeeeee 58000000") + Payloads.ping + [1])
        _ = try server.nextEvent()
        server.discard()
        server.receive(ByteBuffer(repeating: 1, count: 1 << 20))
        #expect(try server.nextEvent() == nil)
        #expect(server.bufferedCapacity == 0)
        #expect(try server.sendTransportError(.notFound).bytes == hex("040000006cfeffff"))
        server.endOfStream()
        #expect(try server.nextEvent() == nil)
    }

    @Test(
        "Two connections of ours talk",
        arguments: StreamSetup.all.filter { $0.split == .whole && $0.role == .client }
    )
    func pair(setup: StreamSetup) throws {
        let secret = try setup.cover.secretText.map { text throws in try ProxySecret(string: text) }
        let random = RandomSource.seeded(44)
        var client = try TransportConnection(
            client: .init(
                framing: setup.framing,
                obfuscation: setup.cover == .plain ? nil : .init(dataCenter: .init(2), secret: secret),
                random: random
            )
        )
        var server = TransportConnection(server: .init(secrets: [secret, nil], random: random))
        let tag = client.takePreamble() ?? ByteBuffer()
        if tag.readableBytes > 0 {
            server.receive(tag)
            guard case .handshake = try server.nextEvent() else {
                Issue.record("no handshake")
                return
            }
        }
        for round in 0..<100 {
            let payload = Payloads.encrypted(blocks: 3 + round, seed: UInt64(round))
            server.receive(try client.send(.payload(payload)))
            if tag.readableBytes == 0, round == 0 { _ = try server.nextEvent() }
            #expect(try server.nextEvent() == .payload(ByteBuffer(bytes: payload), quickAckRequested: false))
            client.receive(try server.send(.payload(payload)))
            #expect(try client.nextEvent() == .payload(ByteBuffer(bytes: payload), quickAckRequested: false))
        }
    }
}
