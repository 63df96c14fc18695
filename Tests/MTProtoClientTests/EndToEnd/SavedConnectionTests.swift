// SPDX-License-Identifier: Apache-2.0

import Foundation
import MTProtoClient
import MTProtoCrypto
import MTProtoServer
import MTProtoSession
import MTProtoTransport
import NIOCore
import Testing

/// State that outlives a connection.
@Suite(.serialized, .network, .timeLimit(.minutes(10)))
struct SavedConnectionTests {
    @Test("A saved connection goes on without a key exchange", arguments: MatrixTests.lifetimes, TransportCase.all)
    func resumed(lifetime: KeyLifetime, transport: TransportCase) async throws {
        try await withDataCenter { dataCenter in
            let (saved, key) = try await dataCenter.connect {
                $0.keyLifetime = lifetime
            } _: { connection in
                _ = try await connection.invoke(Queries.echo())
                return (try await connection.savedConnection(), connection.authorizationKeyIdentifier)
            }
            let coded = try JSONDecoder().decode(SavedConnection.self, from: try JSONEncoder().encode(saved))
            #expect((coded.temporary != nil) == (lifetime != .permanent))
            try await dataCenter.connect {
                $0.keyLifetime = lifetime
                $0.savedConnection = coded
                $0.transport = transport.transport
            } _: { connection in
                #expect(connection.authorizationKeyIdentifier == key)
                #expect(connection.steps.filter(\.isSkipped).map(\.phase) == [.keyExchange, .authorizationKey])
                let answer = try await connection.invoke(Queries.echo())
                #expect(answer == Queries.echo())
            }
        }
    }

    @Test("A new temporary key is bound to the saved permanent key, when the saved one has ended or there is none")
    func newTemporaryKey() async throws {
        try await withDataCenter { dataCenter in
            var saved = try await dataCenter.connect { try await $0.savedConnection() }
            let permanent = saved.permanent.authorizationKey.identifier
            for _ in 0..<2 {
                let next = try await dataCenter.connect {
                    $0.keyLifetime = .temporary(expiresIn: 3_600)
                    $0.savedConnection = saved
                } _: { connection in
                    #expect(!connection.steps.contains { $0.isSkipped })
                    #expect(connection.authorizationKeyIdentifier != permanent)
                    try await connection.expect(Queries.echo())
                    return try await connection.savedConnection()
                }
                #expect(next.permanent.authorizationKey.identifier == permanent)
                saved = next
                saved.temporary?.expiresAt = 1
            }
        }
    }

    @Test("A saved key that the server does not know is named as such", arguments: MatrixTests.lifetimes)
    func unknownKey(lifetime: KeyLifetime) async throws {
        let saved = try await withDataCenter { dataCenter in
            try await dataCenter.connect {
                $0.keyLifetime = lifetime
            } _: {
                try await $0.savedConnection()
            }
        }
        try await withDataCenter { dataCenter in
            let error = await clientError {
                try await dataCenter.connect {
                    $0.keyLifetime = lifetime
                    $0.savedConnection = saved
                } _: { _ in
                }
            }
            #expect(error?.code == .authorizationKeyUnknown)
            #expect(error?.phase == .encryptedSession)
            #expect(error?.transportError == .notFound)
            #expect(error?.isRetryable == false)
            #expect(error?.steps.map(\.phase) == [.dial, .transportHandshake, .keyExchange, .authorizationKey])
            try await eventually { dataCenter.server.connectionCount == 0 }
        }
    }

    @Test("A saved connection of another data centre is not used")
    func otherDataCenter() async throws {
        try await withDataCenter { dataCenter in
            let saved = try await dataCenter.connect { try await $0.savedConnection() }
            let endpoint = try dataCenter.endpoint
            let configuration = clientConfiguration { $0.savedConnection = saved }
            try await MTProtoClient.withConnection(
                to: .endpoint(endpoint, dataCenter: DataCenterIdentifier(4)),
                configuration: configuration
            ) { connection in
                #expect(!connection.steps.contains { $0.isSkipped })
                let config = try await connection.invoke(HelpGetConfig())
                #expect(config.thisDataCenter == 4)
            }
        }
    }

    @Test("A saved connection shows no key, whatever prints it")
    func description() async throws {
        try await withDataCenter { dataCenter in
            let saved = try await dataCenter.connect {
                $0.keyLifetime = .temporary(expiresIn: 3_600)
            } _: {
                try await $0.savedConnection()
            }
            let bytes = saved.permanent.authorizationKey.withUnsafeBytes { Array($0.prefix(4)) }
            for text in ["\(saved)", "\(saved.permanent)", String(describing: saved.temporary)] {
                #expect(!text.contains(bytes.map(String.init).joined(separator: ", ")))
                #expect(text.utf8.count < 200)
            }
        }
    }
}
