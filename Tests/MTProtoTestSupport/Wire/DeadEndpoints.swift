// SPDX-License-Identifier: Apache-2.0

package import MTProtoTransport
internal import NIOCore
internal import NIOPosix

#if canImport(Darwin)
internal import Darwin
#elseif canImport(Glibc)
internal import Glibc
#elseif canImport(Musl)
internal import Musl
#elseif canImport(Android)
internal import Android
#endif

/// Endpoints to which nobody gets a connection.
package enum DeadEndpoint {
    /// Runs `body` with an endpoint that refuses: a port of 127.0.0.1 that is taken, so that nobody else gets it meanwhile, and
    /// on which nobody listens.
    package static func refusing<Result>(_ body: (SocketEndpoint) async throws -> Result) async throws -> Result {
        let descriptor = try Self.checked(socket(AF_INET, Self.streamType, 0))
        defer { close(descriptor) }
        var isOn: Int32 = 1
        _ = try Self.checked(
            setsockopt(descriptor, SOL_SOCKET, SO_REUSEADDR, &isOn, socklen_t(MemoryLayout<Int32>.size))
        )
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = UInt32(0x7f00_0001).bigEndian
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        try withUnsafeMutablePointer(to: &address) { address in
            try address.withMemoryRebound(to: sockaddr.self, capacity: 1) { address in
                _ = try Self.checked(bind(descriptor, address, length))
                _ = try Self.checked(getsockname(descriptor, address, &length))
            }
        }
        return try await body(try SocketEndpoint(host: "127.0.0.1", port: Int(UInt16(bigEndian: address.sin_port))))
    }

    #if canImport(Glibc)
    private static let streamType = Int32(SOCK_STREAM.rawValue)
    #else
    private static let streamType = SOCK_STREAM
    #endif

    /// What a call of the system gave, if it did not fail.
    private static func checked(_ result: Int32) throws -> Int32 {
        guard result >= 0 else { throw IOError(errnoCode: errno, reason: "no port to refuse on") }
        return result
    }

    /// Runs `body` with an endpoint that does not answer at all: a listening socket with a full backlog.
    package static func silent<Result>(_ body: (SocketEndpoint) async throws -> Result) async throws -> Result {
        let listener = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .serverChannelOption(.backlog, value: 1)
            .serverChannelOption(.autoRead, value: false)
            .bind(host: "127.0.0.1", port: 0)
            .get()
        let endpoint = try SocketEndpoint(host: "127.0.0.1", port: listener.localAddress?.port ?? 0)
        var waiting: [any Channel] = []
        // Until the kernel takes no more, and that is no accident of a busy machine.
        var refusals = 0
        while refusals < 3 {
            do {
                let channel = try await ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton)
                    .connectTimeout(.milliseconds(200))
                    .connect(host: endpoint.host, port: endpoint.port)
                    .get()
                waiting.append(channel)
            } catch {
                refusals += 1
            }
        }
        let result: Swift.Result<Result, any Error>
        do {
            result = .success(try await body(endpoint))
        } catch {
            result = .failure(error)
        }
        for channel in waiting { try? await channel.close() }
        try await listener.close()
        return try result.get()
    }
}
