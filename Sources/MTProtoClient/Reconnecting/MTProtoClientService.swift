// SPDX-License-Identifier: Apache-2.0

public import MTProtoSession
internal import MTProtoTransport
public import NIOCore
public import ServiceLifecycle
internal import Synchronization

/// A client that stays connected: it connects again whenever the connection is lost, and the session goes on.
///
/// Queries may be sent at any time: while there is no connection they wait, as many as
/// `ClientSession.Configuration.maximumQueryCount` says, and no longer than their time limits. A query that was under way when
/// the connection was lost is sent again in such a way that the server does not execute it twice; where that is not possible it
/// fails, and its error's ``MTProtoClientError/delivery`` says what is known of it.
///
/// Pauses between attempts grow from 0.1 to 16 s, with full jitter. Tell the service when the network changes, with
/// ``pathChanged(isAvailable:)``, and it tries at once. With temporary keys (``ClientConfiguration/keyLifetime``) it replaces
/// each before it ends. What trying again cannot change ends ``run()`` with an error.
public final class MTProtoClientService: Service {
    /// What is connected to.
    public let target: ConnectionTarget
    /// A way to the target: whatever is exchanged over a link that there is needs no other.
    private let chain: HopChain
    /// The transports that it may come to run over.
    private let transports: Set<ClientTransport>
    private let lastReport = Mutex(ConnectReport())
    private let options: Mutex<DataCenterOptions>
    private let configuration: ClientConfiguration
    let eventLoop: any EventLoop
    private let broadcast: ConnectionStateBroadcast
    let keeper: KeeperReference
    private let orders: Mutex<AsyncStream<ConnectionKeeper.Order>?>
    private let lastNumber = Atomic<UInt64>(0)

    /// Makes a service; nothing happens before ``run()``.
    ///
    /// - Parameters:
    ///   - target: what to connect to.
    ///   - configuration: how. ``ClientConfiguration/onStep`` is called in every attempt.
    /// - Throws: ``MTProtoClientError`` with ``MTProtoClientError/Code/invalidConfiguration`` when the target and the transport
    ///   do not go together.
    public convenience init(
        target: ConnectionTarget,
        configuration: ClientConfiguration = ClientConfiguration()
    ) throws(MTProtoClientError) {
        try self.init(target: target, configuration: configuration, machine: .init())
    }

    init(
        target: ConnectionTarget,
        configuration: ClientConfiguration,
        machine: ReconnectMachine.Configuration
    ) throws(MTProtoClientError) {
        let candidates: [ConnectionCandidate]
        do throws(MTProtoClientError) {
            let now = LinkRace.seconds(configuration)
            candidates = try CandidateList(target: target, configuration: configuration, at: now).rungs.flatMap { $0 }
        } catch {
            throw MTProtoClientError.make(from: error, phase: error.phase, endpoint: "\(target)")
        }
        var machine = machine
        machine.hasProxy = candidates.contains { $0.chain.dialedHop != nil }
        machine.hasTemporaryKeys = configuration.keyLifetime != .permanent
        machine.hasWorkedBefore = configuration.savedConnection?.dataCenter == target.dataCenter
        // Every connection runs there, so that the session can go from one to the next.
        let eventLoop = configuration.eventLoopGroup.next()
        var configuration = configuration
        configuration.eventLoopGroup = eventLoop
        let (orders, continuation) = AsyncStream.makeStream(of: ConnectionKeeper.Order.self)
        let broadcast = ConnectionStateBroadcast(machine.hasProxy ? .connectingToProxy : .connecting)
        self.target = target
        self.chain = candidates[0].chain
        self.options = Mutex(configuration.dataCenterOptions)
        self.transports = Set(candidates.map(\.chain.target.transport))
        self.configuration = configuration
        self.eventLoop = eventLoop
        self.broadcast = broadcast
        self.orders = Mutex(orders)
        self.keeper = KeeperReference(eventLoop: eventLoop) { [configuration, machine] in
            ConnectionKeeper(
                eventLoop: eventLoop,
                dataCenter: target.dataCenter,
                endpoint: "\(target)",
                configuration: configuration,
                machine: machine,
                orders: continuation,
                publish: { broadcast.publish($0) }
            )
        }
    }

    // MARK: Running

    /// Keeps the connection until the task is cancelled or the service group shuts down gracefully; then what waits to be sent
    /// leaves, and the connection is closed. A service runs once.
    ///
    /// - Throws: ``MTProtoClientError`` when trying again cannot help: the configuration cannot work, or the server does not
    ///   know the permanent key any more.
    public func run() async throws {
        let orders = self.orders.withLock { orders in
            defer { orders = nil }
            return orders
        }
        guard let orders else {
            throw MTProtoClientError(.invalidConfiguration, phase: .dial, message: "a service runs once")
        }
        let keeper = self.keeper
        await withTaskCancellationOrGracefulShutdownHandler {
            keeper.execute { $0.begin() }
            await withDiscardingTaskGroup { group in
                for await order in orders {
                    switch order {
                    case .connect(let attempt): group.addTask { await self.perform(attempt) }
                    case .renew(let connection, let number): group.addTask { await self.renew(connection, number) }
                    }
                }
            }
        } onCancelOrGracefulShutdown: {
            keeper.execute { _ = $0.stop() }
        }
        // A cancelled task takes no orders, whether or not the end has come.
        let failure = try? await self.eventLoop.flatSubmit {
            keeper.value.stop().map { keeper.value.failure }
        }.get()
        self.broadcast.finish()
        if let failure, !(failure.underlying is ConnectionClosedLocally) { throw failure }
    }

    /// Makes one attempt, and tells the keeper how it went.
    private func perform(_ attempt: ConnectionKeeper.Attempt) async {
        let keeper = self.keeper
        var configuration = self.configuration
        configuration.savedConnection = attempt.saved
        configuration.dataCenterOptions = self.dataCenterOptions
        let log = AttemptLog()
        let limit = TimeAmount(configuration.timeouts.connect)
        let holder = attempt.holder
        let timer = self.eventLoop.scheduleTask(in: limit) { holder.close(because: ClientTimeout(limit: limit)) }
        defer { timer.cancel() }
        do throws(MTProtoClientError) {
            let race = LinkRace(
                list: try CandidateList(
                    target: self.target,
                    configuration: configuration,
                    at: LinkRace.seconds(configuration)
                ),
                dataCenter: self.target.dataCenter,
                configuration: configuration,
                log: log,
                onServer: { keeper.execute { $0.advanced(attempt.number, to: .server) } }
            )
            var winner = try await race.run(holder)
            keeper.execute { $0.advanced(attempt.number, to: .session) }
            do {
                try await self.begin(attempt, on: &winner)
            } catch {
                // Else the end of the link, which this end closes, would be taken for the reason.
                try? await self.eventLoop.submit { keeper.value.leave(attempt.number, because: error) }.get()
                let failure = await winner.establisher.failure(of: error, holder)
                race.failed(winner, failure)
                throw failure
            }
            race.established(winner)
            self.lastReport.withLock { $0 = log.report }
            keeper.execute { $0.established(attempt.number) }
        } catch {
            var failure = error
            failure.report = log.report
            self.lastReport.withLock { $0 = log.report }
            keeper.execute { [failure] in $0.failed(attempt.number, failure) }
        }
    }

    /// Goes on with the session there is, or begins one.
    private func begin(_ attempt: ConnectionKeeper.Attempt, on winner: inout LinkRace.Winner) async throws {
        if let session = attempt.session {
            return try await winner.establisher.resumeSession(
                session,
                on: winner.connection,
                admit: attempt.keeping.admit
            )
        }
        let keeper = self.keeper
        winner.establisher.onPermanentKey = { permanent in keeper.execute { $0.obtained(permanent: permanent) } }
        let keys = try await winner.establisher.obtainKeys(on: winner.connection)
        self.keeper.execute { $0.obtained(keys, by: attempt.number) }
        _ = try await winner.establisher.startSession(
            keys: keys,
            on: winner.connection,
            keeping: attempt.keeping
        )
    }

    /// Exchanges another temporary key over the connection of the session.
    private func renew(_ connection: DialedConnection, _ number: UInt64) async {
        var configuration = self.configuration
        configuration.onStep = { _ in }
        var establisher = ConnectionEstablisher(
            chain: self.chain,
            dataCenter: self.target.dataCenter,
            configuration: configuration
        )
        let temporary = try? await establisher.renewTemporaryKey(on: connection)
        self.keeper.execute { $0.renewed(temporary, number: number) }
    }

    // MARK: States

    /// The present state, and each that lasts.
    public var states: ConnectionStates { ConnectionStates(broadcast: self.broadcast) }

    /// The state as a user should see it.
    public var state: ConnectionState { self.broadcast.current }

    /// Where data centres are, for the next time that it connects; at first ``ClientConfiguration/dataCenterOptions``.
    public var dataCenterOptions: DataCenterOptions { self.options.withLock { $0 } }

    /// Takes the addresses over that a server tells, for the next time that it connects.
    ///
    /// - Returns: how many of its options were left out, because they are unusable or too many.
    @discardableResult
    public func updateDataCenterOptions(from config: Config) -> Int {
        self.options.withLock { $0.update(from: config) }
    }

    /// All attempts of the last time that it connected, or tried to; empty before.
    public var report: ConnectReport { self.lastReport.withLock { $0 } }

    /// The network is another one, or away, or back: also after the machine has slept.
    ///
    /// Without a network nothing is tried. When there is one, a pause ends at once, unless the server has asked for it; an attempt
    /// begins anew, and a connection has to answer within seconds or is replaced.
    ///
    /// - Parameter isAvailable: whether there is a network.
    public func pathChanged(isAvailable: Bool = true) {
        self.keeper.execute { $0.pathChanged(isAvailable: isAvailable) }
    }

    // MARK: Queries

    /// Sends a query and returns its result.
    ///
    /// - Parameters:
    ///   - query: a boxed TL value, a positive multiple of 4 bytes.
    ///   - timeout: how long to wait for the answer, with or without a connection; `nil` takes
    ///     ``ClientConfiguration/Timeouts/query``.
    /// - Returns: the result, a boxed TL value, already unpacked if it was compressed.
    /// - Throws: ``MTProtoClientError``; its ``MTProtoClientError/rpcError`` is set when the server answered with an error, and
    ///   its ``MTProtoClientError/delivery`` when there is no answer.
    public func invoke(_ query: ByteBuffer, timeout: Duration? = nil) async throws -> ByteBuffer {
        try await self.send(query, wantsQuickAck: false, timeout: timeout).result()
    }

    /// Calls a method and returns its result.
    ///
    /// - Throws: ``MTProtoClientError``.
    public func invoke<Method: TLMethod>(_ method: Method, timeout: Duration? = nil) async throws -> Method.Result {
        try await self.call(method, timeout: timeout)
    }

    /// Sends a query with a quick acknowledgement asked for, and returns at once. The receipt may be one by another connection
    /// than the query was first sent on.
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
        for transport in self.transports { try self.requireReceipts(of: transport) }
        return self.send(query, wantsQuickAck: true, timeout: timeout)
    }

    /// Whether the transport has quick acknowledgements. HTTP has none, and no need of them.
    public var supportsQuickAck: Bool { self.transports.allSatisfy(\.hasQuickAcknowledgements) }

    /// Updates and what else happens, with back-pressure, over all connections.
    public var events: ConnectionEvents {
        let keeper = self.keeper
        return ConnectionEvents(eventLoop: self.eventLoop) { keeper.value }
    }

    /// The state to go on from later, without a key exchange; `nil` before there are keys. It holds keys.
    ///
    /// - Throws: ``MTProtoClientError`` when the event loop is shut down.
    public func savedConnection() async throws -> SavedConnection? {
        let keeper = self.keeper
        do {
            return try await self.eventLoop.submit { keeper.value.state }.get()
        } catch {
            throw self.clientError(error)
        }
    }
}

extension MTProtoClientService: QuerySender {
    var queryTimeout: Duration? { self.configuration.timeouts.query }

    func nextNumber() -> UInt64 { self.lastNumber.add(1, ordering: .relaxed).newValue }

    func take(
        _ query: ByteBuffer,
        number: UInt64,
        result: EventLoopPromise<ByteBuffer>,
        quickAck: EventLoopPromise<Void>?
    ) {
        self.keeper.value.invoke(query, number: number, result: result, quickAck: quickAck)
    }

    func giveUp(_ number: UInt64, because reason: any Error) {
        self.keeper.value.cancel(number, because: reason)
    }

    func clientError(_ error: any Error) -> MTProtoClientError {
        MTProtoClientError.make(from: error, phase: .use, endpoint: "\(self.target)")
    }
}
