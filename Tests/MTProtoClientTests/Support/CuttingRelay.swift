// SPDX-License-Identifier: Apache-2.0

import MTProtoTestSupport
import MTProtoTransport
import NIOCore
import Synchronization

/// Hands bytes on between clients and a server, and cuts connections by the number of a piece; by bytes, a `FaultyRelay` does.
enum CuttingRelay {
    /// Runs `body` with the relay's endpoint.
    ///
    /// - Parameters:
    ///   - server: where the bytes go.
    ///   - cuts: told the number of each piece of bytes that the server sends, counted over all connections; says whether both
    ///     ends of its connection are closed instead of handing it on.
    ///   - holds: told the number of each connection; says whether nothing is handed on, until its client ends it.
    ///   - sees: gets each piece of bytes that a client sends.
    static func run<Result: Sendable>(
        to server: SocketEndpoint,
        cuts: @escaping @Sendable (Int) -> Bool = { _ in false },
        holds: @escaping @Sendable (Int) -> Bool = { _ in false },
        sees: @escaping @Sendable (ByteBuffer) -> Void = { _ in },
        _ body: @Sendable (SocketEndpoint) async throws -> Result
    ) async throws -> Result {
        let count = Mutex(0)
        return try await WireListener.run(
            script: { number, client, channels in
                if holds(number + 1) {
                    for await piece in client.bytes { sees(piece) }
                    return
                }
                let upstream = try await WireConnection.dial(server, counting: channels)
                await withDiscardingTaskGroup { group in
                    group.addTask {
                        for await piece in client.bytes {
                            sees(piece)
                            try? await upstream.write(piece)
                        }
                        await upstream.close()
                    }
                    for await piece in upstream.bytes {
                        let number = count.withLock { count in
                            count += 1
                            return count
                        }
                        guard !cuts(number) else { break }
                        try? await client.write(piece)
                    }
                    await client.close()
                    await upstream.close()
                }
            },
            { try await body($0.endpoint) }
        )
    }
}
