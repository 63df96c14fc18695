// SPDX-License-Identifier: Apache-2.0
import Foundation
import Logging
import MTProtoClient
import MTProtoSession
import MTProtoTransport
import NIOCore
import ServiceLifecycle

enum RacingSnippets {
    static func strategies(_ configuration: inout ClientConfiguration) {
        // snippet
        configuration.strategy = .tcpWithWebSocketFallback
        configuration.strategy = .ladder()
        configuration.strategy = .race([.tcp(.paddedIntermediate, obfuscated: true), .webSocket(), .https])
        // end
    }

    static func routes(_ configuration: inout ClientConfiguration, proxy: SocketEndpoint) {
        // snippet
        configuration.routes = [.direct, [.socks5(proxy)]]
        // end
    }

    static func report(target: ConnectionTarget, configuration: ClientConfiguration) async throws {
        // snippet
        do {
            try await MTProtoClient.withConnection(to: target, configuration: configuration) { connection in
                print("answered first: \(connection.resolvedTarget), of \(connection.report.attempts.count) attempts")
            }
        } catch let error as MTProtoClientError {
            print("\(error)")
            if let report = error.report { print("\(report)") }
        }
        // end
    }

    static func learned(_ configuration: inout ClientConfiguration, json: Data) throws -> Data {
        // snippet
        configuration.learned = LearnedEndpoints(try JSONDecoder().decode(EndpointStatistics.self, from: json))
        // … connect as often as you like, and keep it for the next time:
        let kept = try JSONEncoder().encode(configuration.learned.statistics)
        // end
        return kept
    }

    static func options(_ configuration: inout ClientConfiguration, connection: MTProtoConnection) async throws {
        // snippet
        let config = try await connection.invoke(HelpGetConfig())
        configuration.dataCenterOptions.update(from: config)
        // end
    }

    static func service(target: ConnectionTarget, configuration: ClientConfiguration, logger: Logger) async throws {
        // snippet
        let client = try MTProtoClientService(target: target, configuration: configuration)
        let services = ServiceGroup(services: [client], logger: logger)
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await services.run() }
            let config = try await client.invoke(HelpGetConfig())
            print("data centre \(config.thisDataCenter)")
            await services.triggerGracefulShutdown()
            try await group.waitForAll()
        }
        // end
    }
}
