// SPDX-License-Identifier: Apache-2.0

import MTProtoClient
import MTProtoCrypto
import MTProtoServer
import MTProtoSession
import MTProtoTestSupport
import MTProtoTransport
import NIOCore
import NIOPosix
import Testing

/// A place on the way to a connection at which a scripted server stops being honest.
enum Stage: CaseIterable, Sendable {
    /// The client's `req_pq` is not answered.
    case product
    /// `req_DH_params` is not.
    case parameters
    /// `set_client_DH_params` is not.
    case verdict
    /// The first encrypted message is not.
    case session

    var phase: ConnectionPhase {
        switch self {
        case .product, .parameters: .keyExchange
        case .verdict: .authorizationKey
        case .session: .encryptedSession
        }
    }

    /// Plays an honest server up to here; the client waits for an answer then.
    func reach(_ connection: ScriptedConnection) async throws {
        let steps =
            switch self {
            case .product: 0
            case .parameters: 1
            case .verdict: 2
            case .session: 3
            }
        try await connection.exchangeKeys(steps: steps)
        if self == .session {
            _ = try await connection.receiveEncrypted()
        } else {
            _ = try await connection.payload()
        }
    }
}

/// Every typed error of connecting with its phase. Scripts end with the client's end: nothing is left open.
@Suite(.network, .timeLimit(.minutes(10)))
struct ConnectFailureTests {
    /// Connects and returns the error.
    static func failure(
        to endpoint: SocketEndpoint,
        _ change: (inout ClientConfiguration) -> Void = { _ in }
    ) async -> MTProtoClientError? {
        let configuration = clientConfiguration(change)
        return await clientError {
            try await MTProtoClient.withConnection(to: .endpoint(endpoint), configuration: configuration) { _ in
                _ = Issue.record("connected")
            }
        }
    }

    @Test("Refused")
    func refused() async throws {
        try await DeadEndpoint.refusing { endpoint in
            let error = await Self.failure(to: endpoint)
            #expect(error?.code == .connectionRefused)
            #expect(error?.phase == .dial)
            #expect(error?.endpoint == "\(endpoint)")
            #expect(error?.isRetryable == true)
            #expect(error?.steps.isEmpty == true)
            #expect(error?.underlying is NIOConnectionError)
        }
    }

    @Test("A name without an address")
    func unresolved() async throws {
        let error = await Self.failure(to: try SocketEndpoint(host: "no-such-host.invalid", port: 443))
        #expect(error?.phase == .dial)
        #expect(error?.code == .nameNotResolved)
    }

    @Test("Closed by the server", arguments: Stage.allCases)
    func closed(stage: Stage) async throws {
        try await ScriptedServer.run { connection in
            try await stage.reach(connection)
        } _: { endpoint in
            let error = await Self.failure(to: endpoint)
            #expect(error?.code == .connectionClosed)
            #expect(error?.phase == stage.phase)
            #expect(error?.isRetryable == true)
        }
    }

    @Test("Closed by the server as soon as it has accepted")
    func closedAtOnce() async throws {
        try await ScriptedServer.run { _ in
        } _: { endpoint in
            for _ in 0..<20 {
                let error = await Self.failure(to: endpoint)
                #expect(error?.code == .connectionClosed)
            }
        }
    }

    @Test("Closed by the server right behind the key exchange's last answer")
    func closedBehindTheVerdict() async throws {
        try await ScriptedServer.run { connection in
            try await connection.exchangeKeys()
        } _: { endpoint in
            for _ in 0..<10 {
                let error = await Self.failure(to: endpoint) { $0.timeouts.session = .seconds(60) }
                #expect(error?.code == .connectionClosed)
                #expect(error?.phase == .encryptedSession)
            }
        }
    }

    @Test("A server that falls silent", arguments: Stage.allCases)
    func silent(stage: Stage) async throws {
        try await ScriptedServer.run { connection in
            try await stage.reach(connection)
            await connection.closed()
        } _: { endpoint in
            let error = await Self.failure(to: endpoint) {
                if stage == .session {
                    $0.timeouts.session = .milliseconds(100)
                } else {
                    // Not shorter: the server's arithmetic of the earlier steps counts as well.
                    $0.timeouts.keyExchangeStep = stage == .product ? .milliseconds(100) : .seconds(6)
                }
            }
            #expect(error?.code == .timeout)
            #expect(error?.phase == stage.phase)
        }
    }

    @Test("The limit of the whole connect", arguments: [false, true])
    func connectTimeout(isSaved: Bool) async throws {
        // With a saved key the first thing sent is the encrypted ping.
        let key = try AuthorizationKey(RandomSource.seeded(3).bytes(256))
        let saved = SavedConnection(
            dataCenter: DataCenterIdentifier(2),
            permanent: SavedSession(authorizationKey: key, salts: [], timeOffsetNanoseconds: 0)
        )
        try await ScriptedServer.run { connection in
            await connection.closed()
        } _: { endpoint in
            let error = await Self.failure(to: endpoint) {
                $0.savedConnection = isSaved ? saved : nil
                // Long enough for the steps before, also while every other test runs beside.
                $0.timeouts.connect = .seconds(8)
            }
            #expect(error?.code == .timeout)
            #expect(error?.phase == (isSaved ? .encryptedSession : .keyExchange))
        }
    }

    static let codes: [TransportErrorCode] = [.forbidden, .notFound, .flood, .invalidDataCenter, .init(rawValue: 500)]

    @Test("Transport errors", arguments: Stage.allCases, codes)
    func transportErrors(stage: Stage, code: TransportErrorCode) async throws {
        try await ScriptedServer.run { connection in
            try await stage.reach(connection)
            try await connection.sendTransportError(code)
            await connection.closed()
        } _: { endpoint in
            let error = await Self.failure(to: endpoint)
            #expect(error?.transportError == code)
            #expect(error?.phase == stage.phase)
            if stage == .session, code == .notFound {
                #expect(error?.code == .authorizationKeyUnknown)
            } else {
                #expect(error?.code == .transportError)
                #expect(error?.isRetryable == (code == .flood))
            }
        }
    }

    /// What breaks the intermediate framing.
    static let brokenFrames: [[UInt8]] = [
        [0xFF, 0xFF, 0xFF, 0x7F], [0x01, 0x00, 0x00, 0x10], [0, 0, 0, 0], [5, 0, 0, 0, 1, 2, 3, 4, 5],
        [4, 0, 0, 0, 1, 0, 0, 0], Array("HTTP/1.1 400 Bad Request\r\n".utf8),
    ]

    @Test("Bytes that are no frame", arguments: [Stage.product, .session], brokenFrames)
    func brokenFraming(stage: Stage, bytes: [UInt8]) async throws {
        try await ScriptedServer.run { connection in
            try await stage.reach(connection)
            try await connection.write(bytes)
            await connection.closed()
        } _: { endpoint in
            let error = await Self.failure(to: endpoint)
            #expect(error?.code == .framing, "\(bytes)")
            #expect(error?.phase == stage.phase)
        }
    }

    @Test("A frame that ends with the connection inside of it")
    func truncatedFrame() async throws {
        try await ScriptedServer.run { connection in
            try await Stage.product.reach(connection)
            try await connection.write([40, 0, 0, 0, 1, 2, 3])
        } _: { endpoint in
            let error = await Self.failure(to: endpoint)
            #expect(error?.code == .framing || error?.code == .connectionClosed)
            #expect(error?.phase == .keyExchange)
        }
    }

    @Test("A frame without a message", arguments: Stage.allCases)
    func garbagePayload(stage: Stage) async throws {
        try await ScriptedServer.run { connection in
            try await stage.reach(connection)
            try await connection.send(ByteBuffer(bytes: RandomSource.seeded(8).bytes(104)))
            await connection.closed()
        } _: { endpoint in
            let error = await Self.failure(to: endpoint)
            #expect(error?.code == (stage == .session ? .session : .keyExchange))
            #expect(error?.phase == stage.phase)
        }
    }

    @Test("A plaintext answer that is none of the exchange's", arguments: [Stage.product, .parameters, .verdict])
    func wrongAnswer(stage: Stage) async throws {
        try await ScriptedServer.run { connection in
            try await stage.reach(connection)
            try await connection.sendPlaintext(HelpGetConfig().serialized())
            await connection.closed()
        } _: { endpoint in
            let error = await Self.failure(to: endpoint)
            #expect(error?.code == .keyExchange)
            #expect(error?.phase == stage.phase)
            #expect(error?.isRetryable == false)
        }
    }

    @Test("A server whose RSA key the client does not know")
    func unknownPublicKey() async throws {
        try await withDataCenter { dataCenter in
            let error = await Self.failure(to: try dataCenter.endpoint) { $0.publicKeys = [.production] }
            #expect(error?.code == .keyExchange)
            #expect(error?.phase == .keyExchange)
            try await eventually { dataCenter.server.connectionCount == 0 }
        }
    }

    @Test("A data centre that the server is not")
    func wrongDataCenter() async throws {
        try await withDataCenter {
            $0.server.dataCenter = DataCenterIdentifier(3)
        } _: { dataCenter in
            let error = await Self.failure(to: try dataCenter.endpoint)
            #expect(error?.code == .transportError)
            #expect(error?.transportError == .invalidDataCenter)
        }
    }

    @Test("A server that writes byte by byte is no failure")
    func dribbling() async throws {
        try await ScriptedServer.run { connection in
            for _ in 0..<3 {
                let body = try await connection.answerOfStep()
                let message = PlaintextMessage(identifier: 1, body: body).serialized()
                for byte in try connection.frame(message) { try await connection.write([byte]) }
            }
            // Serves until the client closes.
            _ = try await connection.query()
        } _: { endpoint in
            let configuration = clientConfiguration {
                // More than a thousand packets.
                $0.timeouts.connect = .seconds(100)
                $0.timeouts.keyExchangeStep = .seconds(60)
            }
            try await MTProtoClient.withConnection(to: .endpoint(endpoint), configuration: configuration) { _ in }
        }
    }

    @Test("Cancelled while connecting", arguments: Stage.allCases)
    func cancelled(stage: Stage) async throws {
        let (reached, continuation) = AsyncStream.makeStream(of: Void.self)
        try await ScriptedServer.run { connection in
            try await stage.reach(connection)
            continuation.yield()
            await connection.closed()
        } _: { endpoint in
            let connecting = Task { await Self.failure(to: endpoint) }
            for await _ in reached { break }
            connecting.cancel()
            let error = await connecting.value
            #expect(error?.code == .cancelled)
            #expect(error?.phase == stage.phase)
        }
    }

    @Test("Cancelled before it began")
    func cancelledBefore() async throws {
        try await withDataCenter { dataCenter in
            let endpoint = try dataCenter.endpoint
            let connecting = Task {
                withUnsafeCurrentTask { $0?.cancel() }
                return await Self.failure(to: endpoint)
            }
            #expect(await connecting.value?.code == .cancelled)
            try await eventually { dataCenter.server.connectionCount == 0 }
        }
    }
}
