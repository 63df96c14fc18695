// SPDX-License-Identifier: Apache-2.0

import MTProtoCrypto
import MTProtoTransport
import NIOCore

/// One way to set up a connection under test, and which side of it is tested.
struct StreamSetup: Sendable, Hashable, CustomStringConvertible {
    enum Cover: Sendable, Hashable, CaseIterable {
        case plain, obfuscated, secret

        var secretText: String? {
            self == .secret ? "dd00112233445566778899aabbccddeeff" : nil
        }
    }

    let framing: Framing
    let cover: Cover
    let role: Role
    let split: SplitSchedule

    var description: String {
        "\(self.framing.rawValue), \(self.cover), \(self.role) receives, \(self.split)"
    }

    static let all: [StreamSetup] = Framing.allCases.flatMap { framing in
        Cover.allCases.flatMap { cover in
            [Role.client, .server].flatMap { role in
                SplitSchedule.all.compactMap { split in
                    if cover != .plain, !framing.isObfuscatable { return nil }
                    if cover == .secret, framing != .paddedIntermediate { return nil }
                    return StreamSetup(framing: framing, cover: cover, role: role, split: split)
                }
            }
        }
    }
}

/// Both ends of a connection: the one under test, and one that can send any bytes under the same obfuscation.
struct StreamPeer: ~Copyable {
    var tested: TransportConnection
    private var obfuscation: Obfuscation?
    /// What the peer sends before its first frame.
    let preamble: [UInt8]

    private init(tested: consuming TransportConnection, obfuscation: consuming Obfuscation?, preamble: [UInt8]) {
        self.tested = tested
        self.obfuscation = obfuscation
        self.preamble = preamble
    }

    static func make(
        _ setup: StreamSetup,
        limit: Int = 1 << 20,
        random: RandomSource = .seeded(8)
    ) throws -> StreamPeer {
        let secret = try setup.cover.secretText.map { text throws in try ProxySecret(string: text) }
        switch setup.role {
        case .client: return try Self.testingClient(setup, secret: secret, limit: limit, random: random)
        case .server: return try Self.testingServer(setup, secret: secret, limit: limit, random: random)
        }
    }

    private static func testingClient(
        _ setup: StreamSetup,
        secret: ProxySecret?,
        limit: Int,
        random: RandomSource
    ) throws -> StreamPeer {
        var client = try TransportConnection(
            client: .init(
                framing: setup.framing,
                obfuscation: setup.cover == .plain ? nil : .init(dataCenter: DataCenterIdentifier(2), secret: secret),
                maximumPayloadLength: limit,
                random: random
            )
        )
        let header = client.takePreamble()?.bytes ?? []
        guard setup.cover != .plain else { return StreamPeer(tested: client, obfuscation: nil, preamble: []) }
        guard let acceptance = Obfuscation.accept(header, secrets: [secret]) else { throw SetupError() }
        return StreamPeer(tested: client, obfuscation: acceptance.takeObfuscation(), preamble: [])
    }

    private static func testingServer(
        _ setup: StreamSetup,
        secret: ProxySecret?,
        limit: Int,
        random: RandomSource
    ) throws -> StreamPeer {
        let server = TransportConnection(
            server: .init(secrets: [secret], maximumPayloadLengthBeforeAuthorization: limit, random: random)
        )
        guard setup.cover != .plain else {
            return StreamPeer(tested: server, obfuscation: nil, preamble: setup.framing.tag)
        }
        let initiation = try Obfuscation.initiate(
            framing: setup.framing,
            dataCenter: DataCenterIdentifier(2),
            secret: secret,
            random: random
        )
        let header = initiation.header
        return StreamPeer(tested: server, obfuscation: initiation.takeObfuscation(), preamble: header)
    }

    /// The bytes of the wire for these plain ones.
    mutating func wire(_ plain: [UInt8]) -> [UInt8] {
        var buffer = ByteBuffer(bytes: plain)
        self.obfuscation?.encrypt(&buffer)
        return buffer.bytes
    }

    /// What bytes that the tested side sent mean.
    mutating func plain(_ wire: ByteBuffer) -> [UInt8] {
        var buffer = wire
        self.obfuscation?.decrypt(&buffer)
        return buffer.bytes
    }

    /// Feeds reads to the tested side, taking all events after each.
    mutating func deliver(_ reads: [[UInt8]]) throws(TransportConnectionError) -> [TransportEvent] {
        var events: [TransportEvent] = []
        try self.deliver(reads, events: &events)
        return events
    }

    /// As ``deliver(_:)``; what came before an error stays in `events`.
    mutating func deliver(
        _ reads: [[UInt8]],
        events: inout [TransportEvent]
    ) throws(TransportConnectionError) {
        for read in reads {
            self.tested.receive(ByteBuffer(bytes: read))
            while let event = try self.tested.nextEvent() { events.append(event) }
        }
    }
}

struct SetupError: Error {}
