// SPDX-License-Identifier: Apache-2.0

internal import MTProtoSession

/// Names a query among those of one connection, which may serve several clients: message identifiers are a session's own.
struct QueryIdentifier: Hashable, Sendable {
    let session: ServerSessionIdentifier
    let message: UInt64

    init(_ message: UInt64, in session: ServerSessionIdentifier) {
        self.session = session
        self.message = message
    }
}
