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
    /// What a link needs besides its first connection.
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
    /// How long a request may go without any progress.
    let responseLimit: TimeAmount
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
    private var retries: HTTPRetrySchedule
    private var pace = HTTPPollPace()
    /// Channels that are not closed yet.
    private var openChannelCount = 0
    private var dialCount = 0

    /// Makes a link with its first connection; on the connection's event loop.
    init(first connection: HTTPConnection, dialer: ChannelDialer, configuration: Configuration) {
        self.eventLoop = connection.channel.eventLoop
        self.dialer = dialer
        self.closePromise = self.eventLoop.makePromise()
        let milliseconds = TimeAmount(configuration.pollWait).nanoseconds / 1_000_000
        self.poll = HTTPWait(maximumDelay: 0, waitAfter: 0, maximumWait: Int32(min(max(milliseconds, 0), 60_000)))
        self.responseLimit = .milliseconds(Int64(self.poll.maximumWait)) + TimeAmount(configuration.responseMargin)
        self.retries = HTTPRetrySchedule(limit: TimeAmount(configuration.redialLimit))
        let count = max(1, configuration.queryConnectionCount)
        self.queryLines = (0..<count).map {
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
        self.end(with: ConnectionClosedByPeer())
    }

    func finish() {
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

    private func end(with error: any Error) {
        switch self.phase {
        case .ended: return
        case .finishing(let timer): timer.cancel()
        case .open: break
        }
        self.phase = .ended(error)
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
        guard self.isEnded, self.openChannelCount == 0, self.dialCount == 0 else { return }
        // The lines refer to the link; without them it can go.
        self.queryLines = []
        self.pollLine = nil
        self.closePromise.succeed()
    }

    // MARK: Sending

    func sessionBegins(keyIdentifier: UInt64) {
        self.isSession = true
    }

    func nextPayload(of session: inout ClientSession, at now: SessionTime) -> OutgoingPayload? {
        guard !self.isEnded else { return nil }
        if let line = self.queryLines.first(where: \.isFree),
            let payload = session.nextPayload(at: now, attaching: self.noWait)
        {
            self.chosenLine = line
            return payload
        }
        guard case .open = self.phase, self.isAnswered, let line = self.pollLine, line.isFree,
            self.receiver?.mayRead ?? false,
            let payload = session.nextPollPayload(wait: self.poll, at: now)
        else { return nil }
        self.chosenLine = line
        return payload
    }

    func write(_ payload: OutgoingPayload) {
        guard let line = self.chosenLine else { return }
        self.chosenLine = nil
        line.send(HTTPRequest(identifier: payload.messageIdentifier, payload: payload.payload))
    }

    func writePlaintext(_ payload: ByteBuffer) {
        self.queryLines.first?.send(HTTPRequest(identifier: 0, payload: payload))
    }

    /// Requests leave as they are written.
    func flush() {}

    var unsentByteCount: Int {
        self.queryLines.reduce(0) { $0 + $1.unsentByteCount }
    }

    // MARK: Reading

    /// While the receiver is behind there is no new poll; when it has caught up, there is.
    func resumeReading() {
        guard self.isAnswered, !self.isEnded, let line = self.pollLine, line.isFree,
            let receiver = self.receiver, receiver.mayRead
        else { return }
        receiver.linkIsReady()
    }

    /// Nothing of ours waits for an answer then: there are no pings here.
    func readOnce() {}

    // MARK: What lines tell

    /// Dials a connection, secure where it is to be.
    func dial(
        _ willConnect: @escaping @Sendable (any Channel) -> Void
    ) -> EventLoopFuture<NIOLoopBound<HTTPConnection>> {
        self.dialCount += 1
        let future = self.dialer.openHTTP(on: self.eventLoop, willConnect)
        future.assumeIsolated().whenComplete { result in
            self.dialCount -= 1
            if case .success(let connection) = result { self.note(connection.value.channel) }
            self.completeIfClosed()
        }
        return future
    }

    /// How long to wait before the next dial; `nil` when the link has ended because of the failure.
    func delayAfterFailure(_ error: any Error, of start: NIODeadline?) -> TimeAmount? {
        guard !self.isEnded else { return nil }
        // A server that did not answer in time has not shown that it is there.
        let start = error is ClientTimeout ? nil : start
        guard !Self.isPermanent(error), let delay = self.retries.failed(at: .now(), after: start) else {
            self.end(with: error)
            return nil
        }
        return delay
    }

    /// Whether dialing again cannot help: the server has spoken, or it is not the right one.
    private static func isPermanent(_ error: any Error) -> Bool {
        switch error {
        case is ReceivedTransportError, is HTTPResponseError: true
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

    func payloadLost(_ identifier: UInt64) {
        self.receiver?.payloadLost(identifier)
        self.lineIsFree()
    }

    func received(_ response: HTTPResponseReader.Response, on line: HTTPLine, after wait: TimeAmount) {
        self.retries.succeeded()
        guard let receiver = self.receiver else { return }
        if let time = response.serverTime { receiver.note(serverTime: time) }
        let isOfInterest = response.payload.map(receiver.receive) ?? false
        if self.isSession { self.isAnswered = true }
        if line.isPolling {
            let pause = self.pace.answered(after: wait, withSomething: isOfInterest)
            if pause > .zero { line.rest(for: pause) }
        }
        self.lineIsFree()
    }
}
