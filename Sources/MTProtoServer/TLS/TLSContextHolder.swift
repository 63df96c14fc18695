// SPDX-License-Identifier: Apache-2.0

internal import NIOSSL
internal import Synchronization

/// The TLS context that new connections use; it can be exchanged while the server runs.
final class TLSContextHolder: Sendable {
    private let source: ServerTLS
    private let current: Mutex<NIOSSLContext>

    /// - Throws: ``ServerTLSError``.
    init(_ source: ServerTLS) throws {
        self.source = source
        self.current = Mutex(try source.makeContext())
    }

    var context: NIOSSLContext { self.current.withLock { $0 } }

    /// Makes the context anew. If that fails, the old one stays.
    ///
    /// - Throws: ``ServerTLSError``.
    func reload() throws {
        let context = try self.source.makeContext()
        self.current.withLock { $0 = context }
    }
}
