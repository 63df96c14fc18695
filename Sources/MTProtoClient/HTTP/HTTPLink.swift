// SPDX-License-Identifier: Apache-2.0

internal import MTProtoSession
internal import MTProtoTransport
internal import NIOCore
internal import NIOHTTP1

/// A link over HTTP: some connections for queries, and one for the long poll.
///
/// A query's request asks to be answered at once; what the server has to say later comes as the response to the poll, which is
/// there from the first response of the session on. Each connection has one request under way. A connection that broke is dialed
/// again; the session repeats what was in a request without a response, and nothing else.
///
/// Specification: *Transports*, HTTP; *Service Messages*, `http_wait`.
final class HTTPLink: ClientLink {
    /// What a link needs besides its first connection: ``ClientConfiguration/HTTP`` as it was found valid.
    struct Configuration {
        var queryConnectionCount: Int
        var pollWait: Duration
        var responseMargin: Duration
        var redialLimit: Duration
    }

    private enum Phase {
        case open
        case finishing(Scheduled<Void>)
        case ended(any Error)
    }

    let eventLoop: any EventLoop
    let hasQuickAcknowledgements = false
    let isWatchedByPings = false
    /// How long a server may fail.
    let redialLimit: TimeAmount
    /// How long a request may wait for its answer that lets the server hold it.
    private let pollLimit: TimeAmount
    /// The same for one that asks to be answered at once.
    private let answerLimit: TimeAmount
    private let dialer: ChannelDialer
    private let closePromise: EventLoopPromise<Void>
    private let poll: HTTPWait
    /// For requests with queries: what there is, at once.
    private let noWait = HTTPWait(maximumDelay: 0, waitAfter: 0, maximumWait: 0)
    private var phase = Phase.open
    private var receiver: (any LinkReceiver)?
    private var queryLines: [HTTPLine] = []
    private var pollLine: HTTPLine?
    /// The line that the payload is for which the session just gave.
    private var chosenLine: HTTPLine?
    /// Whether a session runs, and whether its server has answered.
    private var isSession = false
    private var isAnswered = false
    /// Whether the receiver was behind when there was a line for a request.
    private var isHeldBack = false
    /// Whether polls are over.
    private var isFinishing = false
    /// What says that the server is gone: queries that fail, whatever polls do; polls that fail, and no queries that succeed.
    private var queryFailures: HTTPRetryLimit
    private var pollFailures: HTTPRetryLimit
    private var pace = HTTPPollPace()
    private(set) var retriedFailure: (any Error)?
    private var retriedQueryFailure = HTTPRetriedFailure()
    private var retriedPollFailure = HTTPRetriedFailure()
    /// Channels that are not closed yet.
    private var openChannelCount = 0

    /// A request of at most this size has an `http_wait`, and a server answers it at once. Well below the time after which a
    /// session takes a connection without answers for dead.
    private static let maximumAnswerLimit = TimeAmount.seconds(8)
    private static let maximumPromptByteCount = 33 << 10

    /// Makes a link with its first connection; on the connection's event loop.
    init(first connection: HTTPConnection, dialer: ChannelDialer, configuration: Configuration) {
        self.eventLoop = connection.channel.eventLoop
        self.dialer = dialer
        self.closePromise = self.eventLoop.makePromise()
        let milliseconds = TimeAmount(configuration.pollWait).nanoseconds / 1_000_000
        self.poll = HTTPWait(maximumDelay: 0, waitAfter: 0, maximumWait: Int32(clamping: milliseconds))
        self.pollLimit = .milliseconds(Int64(self.poll.maximumWait)) + TimeAmount(configuration.responseMargin)
        self.answerLimit = min(self.pollLimit, Self.maximumAnswerLimit)
        self.redialLimit = TimeAmount(configuration.redialLimit)
        self.queryFailures = HTTPRetryLimit(limit: self.redialLimit)
        self.pollFailures = HTTPRetryLimit(limit: self.redialLimit)
        self.queryLines = (0..<configuration.queryConnectionCount).map {
            HTTPLine(link: self, isPolling: false, connection: $0 == 0 ? connection : nil)
        }
        self.pollLine = HTTPLine(link: self, isPolling: true)
        self.note(connection.channel)
        self.queryLines[0].start()
    }

    private var lines: [HTTPLine] { self.queryLines + (self.pollLine.map { [$0] } ?? []) }

    // MARK: Life

    var closeFuture: EventLoopFuture<Void> { self.closePromise.futureResult }

    func attach(_ receiver: any LinkReceiver) {
        if case .ended(let error) = self.phase { return receiver.linkFailed(error) }
        self.receiver = receiver
    }

    func close() {
        self.end(with: ConnectionClosedLocally())
    }

    func prepareToFinish() {
        self.isFinishing = true
    }

    func finish() {
        self.isFinishing = true
        guard case .open = self.phase else { return }
        let timer = self.eventLoop.assumeIsolated().scheduleTask(in: linkClosingTime) { self.close() }
        self.phase = .finishing(timer)
        self.closeIfFinished()
    }

    /// A link that finishes ends when the last request with messages of ours is answered; nobody waits for the poll.
    private func closeIfFinished() {
        guard case .finishing = self.phase, !self.queryLines.contains(where: \.hasRequest) else { return }
        self.close()
    }

    func end(with error: any Error) {
        switch self.phase {
        case .ended: return
        case .finishing(let timer): timer.cancel()
        case .open: break
        }
        self.phase = .ended(error)
        self.retriedFailure = self.explanation
        for line in self.lines { line.end() }
        self.chosenLine = nil
        let receiver = self.receiver
        self.receiver = nil
        receiver?.linkFailed(error)
        self.completeIfClosed()
    }

    private var isEnded: Bool {
        if case .ended = self.phase { return true }
        return false
    }

    /// Counts a channel until it is closed.
    private func note(_ channel: any Channel) {
        self.openChannelCount += 1
        channel.closeFuture.assumeIsolated().whenComplete { _ in
            self.openChannelCount -= 1
            self.completeIfClosed()
        }
    }

    private func completeIfClosed() {
        // A dial that still goes on, or only resolves a name, comes to nothing: nobody need wait for it.
        guard self.isEnded, self.openChannelCount == 0 else { return }
        // The lines refer to the link; without them it can go.
        self.queryLines = []
        self.pollLine = nil
        self.closePromise.succeed()
    }

    // MARK: Sending

    func sessionBegins(keyIdentifier: UInt64) {
        self.isSession = true
        // The one before may have been another.
        self.isAnswered = false
    }

    func nextPayload(of session: inout ClientSession, at now: SessionTime) -> OutgoingPayload? {
        guard !self.isEnded, let receiver = self.receiver else { return nil }
        // Each response may bring as much as the server has; only the last requests go whoever is behind.
        guard self.isFinishing || receiver.mayRead else {
            self.isHeldBack = true
            return nil
        }
        if let line = self.queryLines.first(where: \.isIdle) ?? self.queryLines.first(where: \.isFree),
            let payload = session.nextPayload(at: now, attaching: self.noWait)
        {
            self.chosenLine = line
            return payload
        }
        guard !self.isFinishing, self.isAnswered, let line = self.pollLine, line.isFree,
            let payload = session.nextPollPayload(wait: self.poll, at: now)
        else { return nil }
        self.chosenLine = line
        return payload
    }

    func write(_ payload: OutgoingPayload) {
        guard let line = self.chosenLine else { return }
        self.chosenLine = nil
        let isPrompt = !line.isPolling && payload.payload.readableBytes <= Self.maximumPromptByteCount
        let request = HTTPRequest(
            identifier: payload.messageIdentifier,
            payload: payload.payload,
            answerLimit: isPrompt ? self.answerLimit : self.pollLimit
        )
        guard !line.send(request) else { return }
        self.receiver?.payloadLost(payload.messageIdentifier, because: ConnectionClosedByPeer(), wasSent: false)
    }

    func writePlaintext(_ payload: ByteBuffer) -> Bool {
        let request = HTTPRequest(identifier: 0, payload: payload, answerLimit: self.pollLimit)
        return self.queryLines.first?.send(request) ?? false
    }

    /// Requests leave as they are written.
    func flush() {}

    var unsentByteCount: Int {
        self.queryLines.reduce(0) { $0 + $1.unsentByteCount }
    }

    // MARK: Reading

    /// While the receiver is behind there is no new request; when it has caught up, there is.
    func resumeReading() {
        guard self.isHeldBack, !self.isEnded, let receiver = self.receiver, receiver.mayRead else { return }
        self.isHeldBack = false
        receiver.linkIsReady()
    }

    /// Nothing of ours waits for an answer then: there are no pings here.
    func readOnce() {}

    // MARK: What lines tell

    /// Dials a connection, secure where it is to be.
    func dial(
        _ willConnect: @escaping @Sendable (any Channel) throws -> Void
    ) -> EventLoopFuture<NIOLoopBound<HTTPConnection>> {
        let future = self.dialer.openHTTP(on: self.eventLoop, willConnect)
        future.assumeIsolated().whenComplete { result in
            if case .success(let connection) = result { self.note(connection.value.channel) }
        }
        return future
    }

    /// Whether a line may try again; if not, the link has ended because of the failure.
    ///
    /// - Parameters:
    ///   - error: what happened.
    ///   - line: where.
    ///   - start: when the attempt began, if it counts as one that failed.
    func mayRetry(after error: any Error, of line: HTTPLine, since start: NIODeadline?) -> Bool {
        guard !self.isEnded else { return false }
        var goesOn = !self.isPermanent(error)
        if goesOn, let start {
            goesOn =
                line.isPolling
                ? self.pollFailures.failed(at: .now(), since: start)
                : self.queryFailures.failed(at: .now(), since: start)
        }
        if !goesOn {
            self.end(with: error)
        } else if let start {
            if line.isPolling {
                self.retriedPollFailure.failed(error, since: start)
            } else {
                self.retriedQueryFailure.failed(error, since: start)
            }
        }
        return goesOn
    }

    private var explanation: (any Error)? {
        let now = NIODeadline.now()
        return self.retriedQueryFailure.explanation(at: now, attempts: self.queryLines.compactMap(\.attemptStart))
            ?? self.retriedPollFailure.explanation(at: now, attempts: self.pollLine?.attemptStart.map { [$0] } ?? [])
    }

    /// Whether dialing again cannot help: the server has spoken, or it is not the right one.
    private func isPermanent(_ error: any Error) -> Bool {
        switch error {
        case let error as HopFailure: self.isPermanent(error.cause)
        case let error as SOCKS5Error: error.code == .credentialsRefused || error.code == .noAcceptableMethod
        case let error as HTTPConnectError: error.isAboutCredentials
        case let error as HTTPResponseError: !error.isTransient
        case is ReceivedTransportError, is NIOHTTPDecoderError: true
        case let error as TLSFailure: error.isCertificate
        // The end of a connection in the middle of a response is nothing that the server says.
        case let error as HTTPParserError: error != .invalidEOFState
        default: false
        }
    }

    func lineIsFree() {
        self.receiver?.linkIsReady()
        self.closeIfFinished()
    }

    func payloadLost(_ identifier: UInt64, because error: any Error, wasSent: Bool) {
        self.receiver?.payloadLost(identifier, because: error, wasSent: wasSent)
        self.lineIsFree()
    }

    func received(
        _ response: HTTPResponseReader.Response,
        to request: HTTPRequest,
        on line: HTTPLine,
        since start: NIODeadline
    ) {
        guard let receiver = self.receiver else { return }
        let value = receiver.receive(response.payload)
        // What the receiver does not accept is nobody's success: it has ended the link.
        guard !self.isEnded else { return }
        guard value != .stale else {
            // Anybody can repeat what he has seen: that must neither count as life nor take the place of the answer.
            return line.giveBack(request, because: HTTPResponseError(.stale), since: start)
        }
        if let time = response.serverTime { receiver.note(serverTime: time) }
        line.succeeded()
        self.pollFailures.succeeded()
        self.retriedPollFailure.succeeded()
        if !line.isPolling {
            self.queryFailures.succeeded()
            self.retriedQueryFailure.succeeded()
        }
        if self.isSession { self.isAnswered = true }
        if line.isPolling {
            let pause = self.pace.answered(after: .now() - start, withSomething: value == .interesting)
            if pause > .zero { line.rest(for: pause) }
        }
        self.lineIsFree()
    }
}
