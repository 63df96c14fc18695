// SPDX-License-Identifier: Apache-2.0

package import MTProtoTransport
package import NIOCore

/// Stands between a client and any hop, or the server itself, and plays faults; the same ones every time.
///
/// Give its endpoint as the hop's or the server's. To stand behind a proxy, give it as the destination, or let a scripted proxy
/// resolve the destination to it.
package enum FaultyRelay {
    /// Runs `body` with the relay.
    ///
    /// - Parameters:
    ///   - destination: where bytes go.
    ///   - path: of a Unix socket to listen on instead of a port.
    ///   - prepare: puts handlers under the client's bytes, such as ``FakeTLSServerHandler``; on the event loop.
    ///   - faults: what goes wrong on the connection with this number, from 0.
    ///   - sees: gets each client's bytes as they come, with the number of the connection.
    /// - Throws: what `body` throws; otherwise ``LeakedChannels``.
    package static func run<Result: Sendable>(
        to destination: SocketEndpoint,
        at path: String? = nil,
        prepare: @escaping @Sendable (any Channel) throws -> Void = { _ in },
        faults: @escaping @Sendable (_ number: Int) -> WireFaults = { _ in WireFaults() },
        sees: @escaping @Sendable (_ number: Int, ByteBuffer) -> Void = { _, _ in },
        _ body: @Sendable (RunningWireListener) async throws -> Result
    ) async throws -> Result {
        try await WireListener.run(
            at: path,
            prepare: prepare,
            script: { number, client, channels in
                let faults = faults(number)
                guard faults.acceptance == .relay else {
                    return try await Self.play(faults.acceptance, on: client)
                }
                let server = try await WireConnection.dial(destination, counting: channels)
                await Splice.run(client: client, reader: WireReader(client), server: server, faults: faults) {
                    sees(number, $0)
                }
            },
            body
        )
    }

    /// The same for every connection.
    package static func run<Result: Sendable>(
        to destination: SocketEndpoint,
        _ faults: WireFaults,
        _ body: @Sendable (RunningWireListener) async throws -> Result
    ) async throws -> Result {
        try await self.run(to: destination, faults: { _ in faults }, body)
    }

    /// An endpoint with nothing behind it.
    package static func run<Result: Sendable>(
        _ acceptance: WireFaults.Acceptance,
        _ body: @Sendable (RunningWireListener) async throws -> Result
    ) async throws -> Result {
        try await WireListener.run(script: { _, client, _ in try await Self.play(acceptance, on: client) }, body)
    }

    private static func play(_ acceptance: WireFaults.Acceptance, on client: WireConnection) async throws {
        switch acceptance {
        case .relay, .close: return
        case .reset: await client.reset()
        case .blackHole: await client.drain()
        case .stall:
            try await client.stopReading()
            await client.drain()
        case .garbage(let bytes):
            try await client.write(bytes)
            await client.drain()
        case .echo:
            for await bytes in client.bytes { try await client.write(bytes) }
        }
    }
}
