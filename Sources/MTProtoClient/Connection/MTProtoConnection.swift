// SPDX-License-Identifier: Apache-2.0

public import MTProtoSession
internal import MTProtoTransport
public import NIOCore
internal import Synchronization

/// An encrypted connection to a data centre, ready for queries.
///
/// Queries may be sent from any task; those sent at about the same time share a container. The first query is wrapped in
/// `invokeWithLayer(initConnection(…))` by the connection itself.
public final class MTProtoConnection: Sendable {
    /// What was connected to.
    public let target: ConnectionTarget
    /// Where it was, and how it is spoken with there.
    public let resolvedTarget: ResolvedTarget
    /// The steps of connecting, with their durations.
    public let steps: [ConnectionStep]
    /// All attempts of connecting, with the one that is used.
    public let report: ConnectReport
    /// The identifier of the authorization key in use: 8 bytes, read little endian.
    public let authorizationKeyIdentifier: UInt64
    /// The session's identifier.
    public let sessionIdentifier: UInt64

    private let link: LinkReference
    private let driver: NIOLoopBound<SessionDriver>
    private let permanent: SavedSession
    /// When the key in use ends, for a temporary one.
    private let expiresAt: Int32?
    let queryTimeout: Duration?
    private let lastNumber = Atomic<UInt64>(0)

    init(
        target: ConnectionTarget,
        resolvedTarget: ResolvedTarget,
        steps: [ConnectionStep],
        report: ConnectReport,
        established: EstablishedSession,
        permanent: SavedSession,
        expiresAt: Int32?,
        queryTimeout: Duration?
    ) {
        self.queryTimeout = queryTimeout
        self.target = target
        self.resolvedTarget = resolvedTarget
        self.steps = steps
        self.report = report
        self.authorizationKeyIdentifier = established.authorizationKeyIdentifier
        self.sessionIdentifier = established.sessionIdentifier
        self.link = established.link
        self.driver = established.driver
        self.permanent = permanent
        self.expiresAt = expiresAt
    }

    // MARK: Queries

    /// Sends a query and returns its result.
    ///
    /// - Parameters:
    ///   - query: a boxed TL value, a positive multiple of 4 bytes.
    ///   - timeout: how long to wait for the answer; `nil` takes ``ClientConfiguration/Timeouts/query``.
    /// - Returns: the result, a boxed TL value, already unpacked if it was compressed.
    /// - Throws: ``MTProtoClientError``; its ``MTProtoClientError/rpcError`` is set when the server answered with an error, and
    ///   its ``MTProtoClientError/delivery`` when the connection ended first.
    public func invoke(_ query: ByteBuffer, timeout: Duration? = nil) async throws -> ByteBuffer {
        try await self.send(query, wantsQuickAck: false, timeout: timeout).result()
    }

    /// Calls a method and returns its result.
    ///
    /// - Throws: ``MTProtoClientError``.
    public func invoke<Method: TLMethod>(_ method: Method, timeout: Duration? = nil) async throws -> Method.Result {
        try await self.call(method, timeout: timeout)
    }

    /// Sends a query with a quick acknowledgement asked for, and returns at once.
    ///
    /// Over HTTP, which has no quick acknowledgements, the receipt is the ordinary acknowledgement, or the answer.
    ///
    /// - Parameters:
    ///   - query: a boxed TL value, a positive multiple of 4 bytes.
    ///   - timeout: how long its receipt and its answer may take; `nil` takes ``ClientConfiguration/Timeouts/query``.
    /// - Returns: the query on its way, to wait for its receipt or its result.
    /// - Throws: ``MTProtoClientError`` with ``MTProtoClientError/Code/invalidConfiguration`` in the full framing, which has no
    ///   quick acknowledgements.
    public func send(_ query: ByteBuffer, timeout: Duration? = nil) throws -> SentQuery {
        try self.requireReceipts(of: self.resolvedTarget.transport)
        return self.send(query, wantsQuickAck: true, timeout: timeout)
    }

    /// Whether the transport of this connection has quick acknowledgements. HTTP has none, and no need of them.
    public var supportsQuickAck: Bool {
        self.resolvedTarget.transport.hasQuickAcknowledgements
    }

    // MARK: Service

    /// Pings the server through the session.
    ///
    /// - Returns: the round-trip time.
    /// - Throws: ``MTProtoClientError`` when the connection ends first.
    public func ping() async throws -> Duration {
        let promise = self.link.eventLoop.makePromise(of: Duration.self)
        let driver = self.driver
        self.link.eventLoop.execute { driver.value.ping(promise) }
        do {
            return try await withTaskCancellationHandler {
                try await promise.futureResult.get()
            } onCancel: {
                promise.fail(CancellationError())
            }
        } catch {
            throw self.clientError(error)
        }
    }

    /// Updates and what else happens, with back-pressure.
    public var events: ConnectionEvents {
        let driver = self.driver
        return ConnectionEvents(eventLoop: self.link.eventLoop) { driver.value }
    }

    /// The state to go on from later, without a key exchange. It holds keys.
    ///
    /// - Throws: ``MTProtoClientError`` when the event loop is shut down.
    public func savedConnection() async throws -> SavedConnection {
        let driver = self.driver
        let current: SavedSession
        do {
            current = try await self.link.eventLoop.submit { driver.value.session.state }.get()
        } catch {
            throw self.clientError(error)
        }
        guard let expiresAt = self.expiresAt else {
            return SavedConnection(dataCenter: self.target.dataCenter, permanent: current)
        }
        return SavedConnection(
            dataCenter: self.target.dataCenter,
            permanent: self.permanent,
            temporary: .init(session: current, expiresAt: expiresAt)
        )
    }

    /// Closes the connection after what was sent has left; queries without an answer fail.
    public func close() async {
        await self.close(because: ConnectionClosedLocally())
    }

    func close(because reason: any Error) async {
        let driver = self.driver
        self.link.eventLoop.execute { driver.value.finish(because: reason) }
        try? await self.link.closeFuture.get()
    }
}

extension MTProtoConnection: QuerySender {
    var eventLoop: any EventLoop { self.link.eventLoop }

    func nextNumber() -> UInt64 { self.lastNumber.add(1, ordering: .relaxed).newValue }

    func take(
        _ query: ByteBuffer,
        number: UInt64,
        result: EventLoopPromise<ByteBuffer>,
        quickAck: EventLoopPromise<Void>?
    ) {
        self.driver.value.invoke(query, number: number, isService: false, result: result, quickAck: quickAck)
    }

    func giveUp(_ number: UInt64, because reason: any Error) {
        self.driver.value.cancel(number, because: reason)
    }

    func clientError(_ error: any Error) -> MTProtoClientError {
        MTProtoClientError.make(from: error, phase: .use, endpoint: "\(self.resolvedTarget)")
    }
}
