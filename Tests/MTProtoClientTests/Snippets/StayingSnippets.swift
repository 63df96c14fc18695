// SPDX-License-Identifier: Apache-2.0
import MTProtoClient
import NIOCore

enum StayingSnippets {
    static func run(service: MTProtoClientService, query: ByteBuffer) async throws {
        // snippet
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await service.run() }
            for await state in service.states where state == .ready { break }
            let sent = try service.send(query)
            try await sent.received()
            _ = try await sent.result()
            service.pathChanged()
            _ = try await service.invoke(query, timeout: .seconds(30))
            group.cancelAll()
        }
        // end
    }
}
