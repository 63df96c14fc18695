// SPDX-License-Identifier: Apache-2.0

internal import MTProtoSession
internal import NIOCore

/// A request as a line keeps it until its response is there.
struct HTTPRequest {
    /// The handle of the payload within the session; 0 for plaintext ones.
    let identifier: UInt64
    let payload: ByteBuffer
}

/// One of the connections of an ``HTTPLink``: dialed when there is a request for it, one request at a time, dialed again when
/// the server has closed it.
final class HTTPLine: HTTPConnectionUser {
    /// Where the line stands. A request that waits for its connection has not been sent and cannot be lost.
    private enum State {
        /// No connection, and none wanted.
        case closed
        /// A request waits for the connection that is being dialed.
        case dialing(HTTPRequest)
        /// A request waits for the next dial.
        case waiting(HTTPRequest, Scheduled<Void>)
        /// Nothing is asked for a while, on the connection that may be there.
        case resting(HTTPConnection?, Scheduled<Void>)
        /// Connected, with nothing to do.
        case idle(HTTPConnection)
        /// A request is under way: its handle, when it was sent, and what watches over its response.
        case busy(HTTPConnection, UInt64, since: NIODeadline, watch: Scheduled<Void>?)
        case ended
    }

    let isPolling: Bool
    private unowned let link: HTTPLink
    private var state: State
    private var dialingChannels: [any Channel] = []

    init(link: HTTPLink, isPolling: Bool, connection: HTTPConnection? = nil) {
        self.link = link
        self.isPolling = isPolling
        self.state = connection.map { .idle($0) } ?? .closed
    }

    /// Takes over the connection it was made with.
    func start() {
        if case .idle(let connection) = self.state { connection.attach(self) }
    }

    /// Whether a request can be given to the line.
    var isFree: Bool {
        switch self.state {
        case .closed, .idle: true
        default: false
        }
    }

    /// Whether a request waits for its response or for being sent.
    var hasRequest: Bool {
        switch self.state {
        case .busy, .dialing, .waiting: true
        default: false
        }
    }

    var unsentByteCount: Int {
        if case .busy(let connection, _, _, _) = self.state { return connection.unsentByteCount }
        return 0
    }

    /// Sends a request, as soon as there is a connection.
    func send(_ request: HTTPRequest) {
        switch self.state {
        case .idle(let connection): self.send(request, on: connection)
        case .closed: self.dial(for: request)
        default: break
        }
    }

    private func send(_ request: HTTPRequest, on connection: HTTPConnection) {
        self.state = .busy(connection, request.identifier, since: .now(), watch: nil)
        connection.send(request.payload)
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
        case .waiting(_, let timer): timer.cancel()
        case .resting(let connection, let timer):
            timer.cancel()
            connection?.close()
        case .idle(let connection): connection.close()
        case .busy(let connection, _, _, let watch):
            watch?.cancel()
            connection.close()
        }
        self.state = .ended
        for channel in self.dialingChannels { channel.close(promise: nil) }
        self.dialingChannels.removeAll()
    }

    // MARK: Dialing

    private func dial(for request: HTTPRequest) {
        self.state = .dialing(request)
        let line = NIOLoopBound(self, eventLoop: self.link.eventLoop)
        self.link.dial { channel in
            line.value.dialingChannels.append(channel)
        }.assumeIsolated().whenComplete { result in
            self.dialed(result.map(\.value))
        }
    }

    private func dialed(_ result: Result<HTTPConnection, any Error>) {
        self.dialingChannels.removeAll()
        guard case .dialing(let request) = self.state else {
            if case .success(let connection) = result { connection.close() }
            return
        }
        switch result {
        case .success(let connection):
            self.send(request, on: connection)
            connection.attach(self)
        case .failure(let error):
            guard let delay = self.link.delayAfterFailure(error, of: nil) else { return }
            self.state = .waiting(
                request,
                self.link.eventLoop.assumeIsolated().scheduleTask(in: delay) {
                    guard case .waiting(let request, _) = self.state else { return }
                    self.dial(for: request)
                }
            )
        }
    }

    // MARK: Responses

    func receive(_ response: HTTPResponseReader.Response) {
        guard case .busy(let connection, _, let since, let watch) = self.state else { return }
        watch?.cancel()
        if response.isKeepAlive {
            self.state = .idle(connection)
        } else {
            connection.close()
            self.state = .closed
        }
        self.link.received(response, on: self, after: .now() - since)
    }

    func connectionFailed(_ error: any Error) {
        switch self.state {
        case .idle:
            // Servers close connections that nobody uses.
            self.state = .closed
        case .resting(_, let timer):
            self.state = .resting(nil, timer)
        case .busy(_, let identifier, let since, let watch):
            watch?.cancel()
            self.state = .closed
            guard let delay = self.link.delayAfterFailure(error, of: since) else { return }
            if delay > .zero { self.rest(for: delay) }
            self.link.payloadLost(identifier)
        default:
            break
        }
    }

    /// Watches a request that makes no progress, be it on its way or on its way back.
    private func watch() {
        guard case .busy(let connection, let identifier, let since, _) = self.state else { return }
        let progress = connection.progress
        let unsent = connection.unsentByteCount
        let limit = self.link.responseLimit
        let task = self.link.eventLoop.assumeIsolated().scheduleTask(in: limit) {
            guard case .busy(let current, _, _, _) = self.state, current === connection else { return }
            if connection.progress != progress || connection.unsentByteCount < unsent { return self.watch() }
            connection.close()
            self.connectionFailed(ClientTimeout(limit: limit))
        }
        self.state = .busy(connection, identifier, since: since, watch: task)
    }
}
