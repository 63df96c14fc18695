// SPDX-License-Identifier: Apache-2.0

internal import MTProtoSession
internal import MTProtoTransport
internal import NIOCore

/// Sends plaintext queries of the key exchange one at a time and waits for their answers.
final class PlaintextExchange: LinkReceiver {
    private let link: any ClientLink
    private var waiting: (promise: EventLoopPromise<ByteBuffer>, timeout: Scheduled<Void>)?
    /// The query that waits: the steps of an exchange may be repeated.
    private var payload: ByteBuffer?
    /// Whether it has to be sent, as soon as the link can.
    private var isUnsent = false
    /// Whether it may be sent again when its connection is lost.
    private var mayBeLost = false
    private var failure: (any Error)?
    private var identifiers = PlaintextIdentifiers()
    private let clock: SessionClock

    /// Makes an exchange over a link.
    ///
    /// - Parameters:
    ///   - link: the link.
    ///   - clock: the clock.
    ///   - isReceiver: whether it becomes the link's receiver; if not, the receiver there is hands on what is for it.
    init(link: any ClientLink, clock: SessionClock, isReceiver: Bool = true) {
        self.link = link
        self.clock = clock
        if isReceiver { link.attach(self) }
    }

    /// Sends a query and waits for its answer.
    func request(_ body: ByteBuffer, timeout: TimeAmount) -> EventLoopFuture<ByteBuffer> {
        let eventLoop = self.link.eventLoop
        let promise = eventLoop.makePromise(of: ByteBuffer.self)
        guard self.waiting == nil, self.failure == nil else {
            promise.fail(self.failure ?? ChannelError.ioOnClosedChannel)
            return promise.futureResult
        }
        let timer = eventLoop.assumeIsolated().scheduleTask(in: timeout) {
            self.finish(.failure(ClientTimeout(limit: timeout)))
        }
        self.waiting = (promise, timer)
        let message = PlaintextMessage(
            identifier: self.identifiers.next(at: self.clock.now()),
            body: body
        )
        self.payload = message.serialized()
        self.mayBeLost = true
        self.isUnsent = true
        self.linkIsReady()
        return promise.futureResult
    }

    func linkIsReady() {
        guard self.isUnsent, let payload = self.payload else { return }
        self.isUnsent = false
        if !self.link.writePlaintext(payload) { self.isUnsent = true }
    }

    /// Takes the server's time minus the local time.
    ///
    /// - Parameters:
    ///   - offset: in nanoseconds.
    ///   - isProven: whether an exchange over this link has proven it.
    func synchronize(offsetNanoseconds offset: Int64, isProven: Bool) {
        if isProven {
            self.identifiers.prove(offsetNanoseconds: offset)
        } else {
            self.identifiers.assume(offsetNanoseconds: offset)
        }
    }

    func note(serverTime seconds: Int64) {
        self.identifiers.note(serverTime: seconds, at: self.clock.now())
    }

    var mayRead: Bool { true }

    func receive(_ payload: ByteBuffer) -> PayloadValue {
        do {
            self.finish(.success(try PlaintextMessage(parsing: payload).body))
        } catch {
            self.linkFailed(error)
        }
        return .interesting
    }

    func payloadLost(_ identifier: UInt64, because error: any Error, wasSent: Bool) {
        // A server that cannot be dialed, or says that it can do nothing at the moment, is asked until time runs out.
        if wasSent, (error as? HTTPResponseError)?.isTransient != true {
            guard self.waiting != nil, self.mayBeLost else { return self.linkFailed(error) }
            self.mayBeLost = false
        }
        self.isUnsent = true
    }

    func linkFailed(_ error: any Error) {
        if self.failure == nil { self.failure = error }
        self.finish(.failure(self.failure ?? error))
        self.link.close()
    }

    private func finish(_ result: Result<ByteBuffer, any Error>) {
        guard let (promise, timeout) = self.waiting else { return }
        self.waiting = nil
        self.payload = nil
        self.isUnsent = false
        timeout.cancel()
        promise.completeWith(result)
    }
}
