// SPDX-License-Identifier: Apache-2.0

package import MTProtoTransport
package import NIOCore
internal import Synchronization

/// A proxy that does what a test says.
package protocol ScriptedProxy: Sendable {
    /// Speaks with one client, and connects it if that is what the script says.
    func serve(_ client: WireConnection, _ log: ProxyLog, _ channels: OpenChannels) async throws
}

extension ScriptedProxy {
    /// Runs `body` with the proxy. Ends like ``WireListener``.
    ///
    /// - Parameter prepare: puts handlers under the proxy's bytes, such as TLS; on the event loop.
    package func run<Result: Sendable>(
        prepare: @escaping @Sendable (any Channel) throws -> Void = { _ in },
        _ body: @Sendable (RunningProxy) async throws -> Result
    ) async throws -> Result {
        let log = ProxyLog()
        return try await WireListener.run(
            prepare: prepare,
            script: { _, client, channels in try await self.serve(client, log, channels) },
            { try await body(RunningProxy($0, log)) }
        )
    }
}

/// A user and a password that a scripted proxy wants or was given.
package struct ProxyLogin: Sendable, Hashable {
    package var username: String
    package var password: String

    package init(_ username: String, _ password: String) {
        self.username = username
        self.password = password
    }
}

/// What a client has asked a scripted proxy for.
package struct ProxyRequest: Sendable, Hashable {
    /// The destination as it stood in the request.
    package var destination: SocketEndpoint
    /// The user and password that came with it.
    package var login: ProxyLogin?
    /// A SOCKS5 request's type of address; the header fields of an HTTP request, names in lower case.
    package var addressType: UInt8?
    package var headers: [String: String] = [:]
}

/// A scripted proxy while it runs.
package final class RunningProxy: Sendable {
    package let endpoint: SocketEndpoint
    package let channels: OpenChannels
    private let log: ProxyLog

    init(_ listener: RunningWireListener, _ log: ProxyLog) {
        self.endpoint = listener.endpoint
        self.channels = listener.channels
        self.log = log
    }

    /// Every request that was understood, in order.
    package var requests: [ProxyRequest] { self.log.requests }
}

/// Collects the requests of a proxy.
package final class ProxyLog: Sendable {
    private let state = Mutex<[ProxyRequest]>([])

    var requests: [ProxyRequest] { self.state.withLock { $0 } }

    func add(_ request: ProxyRequest) { self.state.withLock { $0.append(request) } }
}

/// What scripted proxies have in common: how a tunnel begins.
package struct TunnelScript: Sendable {
    /// Where a destination is really to be found: the test's table of names. `nil` connects to nowhere, and the tunnel is silent.
    package var resolve: @Sendable (SocketEndpoint) -> SocketEndpoint? = { $0 }
    /// Bytes that stand behind the proxy's last answer in the same write.
    package var gluedBytes: [UInt8] = []
    /// Whether the connection ends right behind these.
    package var endsBehindGlued = false
    /// What goes wrong in the tunnel.
    package var faults = WireFaults()

    package init() {}

    /// Sends the last answer and makes the tunnel.
    func open(
        to destination: SocketEndpoint,
        answer: [UInt8],
        client: WireConnection,
        reader: sending WireReader,
        _ channels: OpenChannels
    ) async throws {
        guard let place = self.resolve(destination) else {
            try await client.write(answer + self.gluedBytes)
            return self.endsBehindGlued ? () : await client.drain(reader)
        }
        let server = try await WireConnection.dial(place, counting: channels)
        try await client.write(answer + self.gluedBytes)
        await Splice.run(client: client, reader: reader, server: server, faults: self.faults)
    }
}

extension WireConnection {
    /// Waits for the end of a connection that has a reader.
    func drain(_ reader: sending WireReader) async {
        var reader = reader
        while await reader.next() != nil {}
    }
}
