// SPDX-License-Identifier: Apache-2.0
import MTProtoClient
import MTProtoCrypto
import MTProtoSession
import MTProtoTransport
import NIOCore
import NIOSSL

enum ClientSnippets {
    static func transports(_ configuration: inout ClientConfiguration) {
        // snippet
        configuration.transport = .tcp(.paddedIntermediate, obfuscated: true)
        configuration.transport = .webSocket(.intermediate, tls: true)
        configuration.transport = .https
        // end
    }

    static func uri(configuration: ClientConfiguration) throws {
        // snippet
        let target = ConnectionTarget.endpoint(try Endpoint("wss://localhost:4431/apiws"))
        let resolved = try target.resolved(by: configuration.transport)
        print("\(resolved.endpoint) by \(resolved.transport)")
        // end
    }

    static func trustRoots(_ configuration: inout ClientConfiguration, certificatePEM: String) throws {
        // snippet
        configuration.tls.trustRoots = .certificates(try NIOSSLCertificate.fromPEMBytes(Array(certificatePEM.utf8)))
        // end
    }

    static func receipt(connection: MTProtoConnection, query: ByteBuffer) async throws {
        // snippet
        let sent = try connection.send(query)
        try await sent.received()
        let answer = try await sent.result()
        print("\(answer.readableBytes) bytes")
        // end
    }

    static func events(connection: MTProtoConnection) async {
        // snippet
        for await event in connection.events {
            switch event {
            case .update(let update): print("\(update.readableBytes) bytes of update")
            case .newServerSession: print("updates may be missing from before")
            default: break
            }
        }
        // end
    }

    static func resume(
        target: ConnectionTarget,
        configuration: ClientConfiguration
    ) async throws {
        // snippet
        let saved = try await MTProtoClient.withConnection(to: target, configuration: configuration) { connection in
            try await connection.savedConnection()
        }
        var later = configuration
        later.savedConnection = saved
        try await MTProtoClient.withConnection(to: target, configuration: later) { connection in
            let skipped = connection.steps.filter { $0.isSkipped }.map { $0.phase.rawValue }
            print("not done again: \(skipped)")
        }
        // end
    }

    static func failure(target: ConnectionTarget, configuration: ClientConfiguration) async throws {
        // snippet
        do {
            try await MTProtoClient.withConnection(to: target, configuration: configuration) { connection in
                _ = try await connection.ping()
            }
        } catch let error as MTProtoClientError where error.code == .connectionRefused {
            print("nobody listens: \(error.phase.rawValue) to \(error.endpoint ?? "?")")
        } catch let error as MTProtoClientError where error.isRetryable {
            print("again later: \(error)")
        }
        // end
    }
}
