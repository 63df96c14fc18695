// SPDX-License-Identifier: Apache-2.0

internal import MTProtoSession
internal import NIOCore

/// A request as a line keeps it until it is sent.
struct HTTPRequest {
    /// The handle of the payload within the session; 0 for plaintext ones.
    let identifier: UInt64
    let payload: ByteBuffer
    /// How long the server may take to answer.
    let answerLimit: TimeAmount
}

/// One of the connections of an ``HTTPLink``: dialed when there is a request for it, one request at a time, dialed again when
/// the server has closed it.
final class HTTPLine: HTTPConnectionUser {
    /// A request under way.
    private struct Outstanding {
        let connection: HTTPConnection
        let request: HTTPRequest
        let start: NIODeadline
        var watch: HTTPResponseWatch
        var timer: Scheduled<Void>?
    }

    /// Where the line stands.
    private enum State {
        /// No connection, and none wanted.
        case closed
        /// A request waits for the connection that is being dialed. It has not been sent yet.
        case dialing(HTTPRequest, since: NIODeadline)
        /// Nothing is asked for a while: after a failure, or on a connection whose polls are answered for nothing.
        case resting(HTTPConnection?, Scheduled<Void>)
        /// Connected, with nothing to do.
        case idle(HTTPConnection)
        case busy(Outstanding)
        case ended
    }

    let isPolling: Bool
    private unowned let link: HTTPLink
    private var state: State
    private var dialing: DialingChannels?
    private var backOff = HTTPBackOff()

    init(link: HTTPLink, isPolling: Bool, connection: HTTPConnection? = nil) {
        self.link = link
        self.isPolling = isPolling
        self.state = connection.map { .idle($0) } ?? .closed
    }

    /// Takes over the connection it was made with.
    func start() {
        if case .idle(let connection) = self.state { connection.attach(self) }
    }

    /// Whether a request can be given to the line, and would leave at once.
    var isIdle: Bool {
        if case .idle(let connection) = self.state { return connection.channel.isActive }
        return false
    }

    /// Whether a request can be given to the line.
    var isFree: Bool {
        if case .closed = self.state { return true }
        return self.isIdle
    }

    /// Whether a request waits for its response or for being sent, perhaps once more.
    var hasRequest: Bool {
        switch self.state {
        case .busy, .dialing, .resting: true
        default: false
        }
    }

    /// When the dial or the request began that is under way.
    var attemptStart: NIODeadline? {
        switch self.state {
        case .busy(let outstanding): outstanding.start
        case .dialing(_, let start): start
        default: nil
        }
    }

    var unsentByteCount: Int {
        if case .busy(let outstanding) = self.state { return outstanding.connection.unsentByteCount }
        return 0
    }

    /// Sends a request, as soon as there is a connection.
    ///
    /// - Returns: whether the line is free for it.
    func send(_ request: HTTPRequest) -> Bool {
        guard self.isFree else { return false }
        if case .idle(let connection) = self.state {
            self.send(request, on: connection)
        } else {
            self.dial(for: request)
        }
        return true
    }

    private func send(_ request: HTTPRequest, on connection: HTTPConnection) {
        let start = NIODeadline.now()
        let watch = HTTPResponseWatch(start: start, answerLimit: request.answerLimit, unsentByteCount: 0)
        self.state = .busy(Outstanding(connection: connection, request: request, start: start, watch: watch))
        connection.send(request.payload)
        guard case .busy(var outstanding) = self.state, outstanding.connection === connection else { return }
        outstanding.watch.written(unsentByteCount: connection.unsentByteCount)
        self.state = .busy(outstanding)
        self.watch()
    }

    /// Lets nothing be asked for a while.
    func rest(for pause: TimeAmount) {
        let connection: HTTPConnection?
        switch self.state {
        case .closed: connection = nil
        case .idle(let current): connection = current
        default: return
        }
        self.state = .resting(
            connection,
            self.link.eventLoop.assumeIsolated().scheduleTask(in: pause) {
                guard case .resting(let connection, _) = self.state else { return }
                self.state = connection.map { .idle($0) } ?? .closed
                self.link.lineIsFree()
            }
        )
    }

    /// Ends the line.
    func end() {
        switch self.state {
        case .closed, .ended, .dialing: break
        case .resting(let connection, let timer):
            timer.cancel()
            connection?.close()
        case .idle(let connection): connection.close()
        case .busy(let outstanding):
            outstanding.timer?.cancel()
            outstanding.connection.close()
        }
        self.state = .ended
        // It may go on for a while: then it must not get any further.
        self.dialing?.end(because: ConnectionClosedLocally())
        self.dialing = nil
    }

    // MARK: Dialing

    private func dial(for request: HTTPRequest) {
        self.state = .dialing(request, since: .now())
        let channels = DialingChannels()
        self.dialing = channels
        self.link.dial { try channels.add($0) }.assumeIsolated().whenComplete { result in
            self.dialed(result.map(\.value))
        }
    }

    private func dialed(_ result: Result<HTTPConnection, any Error>) {
        self.dialing = nil
        guard case .dialing(let request, let start) = self.state else {
            if case .success(let connection) = result { connection.close() }
            return
        }
        switch result {
        case .success(let connection):
            self.send(request, on: connection)
            connection.attach(self)
        case .failure(let error):
            self.state = .closed
            self.giveBack(request, because: error, since: start, wasSent: false)
        }
    }

    // MARK: Responses

    /// A response of the line was worth something.
    func succeeded() {
        self.backOff.succeeded()
    }

    func receive(_ response: HTTPResponseReader.Response) {
        guard case .busy(let outstanding) = self.state else { return }
        outstanding.timer?.cancel()
        if response.isKeepAlive {
            self.state = .idle(outstanding.connection)
        } else {
            outstanding.connection.close()
            self.state = .closed
        }
        self.link.received(response, to: outstanding.request, on: self, since: outstanding.start)
    }

    func connectionFailed(_ error: any Error) {
        switch self.state {
        case .idle:
            // Servers close connections that nobody uses. Something may have found this one no longer active, and wait.
            self.state = .closed
            self.link.lineIsFree()
        case .resting(_, let timer):
            self.state = .resting(nil, timer)
        case .busy(let outstanding):
            outstanding.timer?.cancel()
            let isFailure =
                error is ClientTimeout
                || HTTPBackOff.isFailure(
                    after: .now() - outstanding.start,
                    isPoll: self.isPolling,
                    limit: self.link.redialLimit
                )
            self.state = .closed
            self.giveBack(outstanding.request, because: error, since: outstanding.start, isFailure: isFailure)
        default:
            break
        }
    }

    /// Gives back a request that was not answered, and rests.
    func giveBack(
        _ request: HTTPRequest,
        because error: any Error,
        since start: NIODeadline,
        isFailure: Bool = true,
        wasSent: Bool = true
    ) {
        guard self.link.mayRetry(after: error, of: self, since: isFailure ? start : nil) else { return }
        if isFailure {
            let delay = self.backOff.failed()
            if delay > .zero { self.rest(for: delay) }
        } else {
            self.backOff.succeeded()
        }
        self.link.payloadLost(request.identifier, because: error, wasSent: wasSent)
    }

    /// Watches over the request until the next time to look at it.
    private func watch() {
        guard case .busy(var outstanding) = self.state else { return }
        let connection = outstanding.connection
        outstanding.timer = self.link.eventLoop.assumeIsolated().scheduleTask(deadline: outstanding.watch.deadline) {
            guard case .busy(var outstanding) = self.state, outstanding.connection === connection else { return }
            let goesOn = outstanding.watch.goesOn(
                at: .now(),
                unsentByteCount: connection.unsentByteCount,
                receivedByteCount: connection.receivedByteCount
            )
            if goesOn {
                self.state = .busy(outstanding)
                return self.watch()
            }
            connection.close()
            self.connectionFailed(ClientTimeout(limit: .now() - outstanding.start))
        }
        self.state = .busy(outstanding)
    }
}
