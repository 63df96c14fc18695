// SPDX-License-Identifier: Apache-2.0

public import MTProtoSession
public import MTProtoTransport
public import NIOCore

/// Answers the queries that clients send: the part of a server that its user writes.
///
/// The server has already taken off transport, encryption, session rules, compression and the wrappers
/// (`invokeWithLayer`, `initConnection`, `invokeWithoutUpdates`, …), and answers `auth.bindTempAuthKey` itself.
public protocol QueryResponder: Sendable {
    /// Answers one query.
    ///
    /// Called on the connection's event loop: return ``QueryResponse/asynchronous(_:)`` for anything that takes time.
    ///
    /// - Parameters:
    ///   - query: the innermost query, a boxed TL value of a positive multiple of 4 bytes.
    ///   - context: who asks.
    func respond(to query: ByteBuffer, context: QueryContext) -> QueryResponse
}

/// An answer to a query.
public enum QueryResponse: Sendable {
    /// The result: a boxed TL value.
    case result(ByteBuffer)
    /// An `rpc_error`; its text must match `[A-Z0-9_]+`.
    case error(RPCErrorMessage)
    /// The answer comes later. The task is cancelled when the connection that asked is closed or the client drops the answer.
    case asynchronous(@Sendable () async -> QueryResponse)

    /// An `rpc_error` of a code and a text.
    public static func error(_ code: Int32, _ message: String) -> QueryResponse {
        .error(RPCErrorMessage(code: code, message: message))
    }
}

/// Who asks a query, and over what.
public struct QueryContext: Sendable {
    /// The key that the query was encrypted with.
    public var authorizationKeyIdentifier: UInt64
    /// The permanent key: the one above, or the one that a temporary key is bound to. `nil` while a temporary key is unbound.
    public var permanentKeyIdentifier: UInt64?
    /// The client's session.
    public var sessionIdentifier: UInt64
    /// The query's message identifier.
    public var messageIdentifier: UInt64
    /// The data centre that the client named when it made the key; `nil` when it named none.
    public var dataCenter: DataCenterIdentifier?
    /// The API layer of the client; `nil` before its first `invokeWithLayer`.
    public var layer: Int32?
    /// The `initConnection` around this very query, without the query.
    public var initConnection: InitConnection?
    /// Whether the client asked for no updates on this connection (`invokeWithoutUpdates`).
    public var isWithoutUpdates: Bool
    /// What carries the payloads of the connection.
    public var carrier: Carrier
    /// Framing and obfuscation of the connection; `nil` over HTTP, which has neither.
    public var transport: TransportHandshake?
    /// The address of this end of the connection.
    public var localAddress: SocketAddress?
    /// The address of the client.
    public var remoteAddress: SocketAddress?
}
