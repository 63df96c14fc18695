// SPDX-License-Identifier: Apache-2.0

package import NIOCore

/// Two connections made one, with faults.
package enum Splice {
    /// Hands bytes on in both directions until both have ended; then both connections are closed.
    ///
    /// - Parameters:
    ///   - reader: the client's bytes, of which some may have been read.
    ///   - sees: gets the client's bytes as they come.
    package static func run(
        client: WireConnection,
        reader: sending WireReader,
        server: WireConnection,
        faults: WireFaults,
        sees: @escaping @Sendable (ByteBuffer) -> Void = { _ in }
    ) async {
        async let back: Void = Self.pump(WireReader(server), from: server, to: client, faults.toClient) { _ in }
        await Self.pump(reader, from: client, to: server, faults.toServer, sees)
        await back
        await client.close()
        await server.close()
    }

    private static func pump(
        _ reader: sending WireReader,
        from source: WireConnection,
        to destination: WireConnection,
        _ faults: LineFaults,
        _ sees: @Sendable (ByteBuffer) -> Void
    ) async {
        var reader = reader
        var line = FaultyLine(faults)
        do {
            try await self.perform(line.start(), from: source, to: destination, faults)
            while let bytes = await reader.next() {
                sees(bytes)
                try await self.perform(line.receive(bytes), from: source, to: destination, faults)
            }
            if await source.wasReset() {
                await destination.reset()
            } else {
                try await self.perform(line.end(), from: source, to: destination, faults)
            }
        } catch {
            // The destination is gone.
            await source.close()
            await destination.close()
        }
    }

    private static func perform(
        _ steps: [FaultyLine.Step],
        from source: WireConnection,
        to destination: WireConnection,
        _ faults: LineFaults
    ) async throws {
        var isFirst = true
        for step in steps {
            switch step {
            case .write(let bytes):
                if !isFirst, let interval = faults.pieceInterval {
                    try await destination.channel.eventLoop.scheduleTask(in: interval) {}.futureResult.get()
                }
                isFirst = false
                try await destination.write(bytes)
            case .endOutput:
                try await destination.endOutput()
            case .stopReading:
                try await source.stopReading()
            case .close:
                await source.close()
                await destination.close()
            case .reset:
                await source.reset()
                await destination.reset()
            }
        }
    }
}
