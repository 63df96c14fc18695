// SPDX-License-Identifier: Apache-2.0

internal import MTProtoSession
internal import NIOCore

/// What carries the payloads of one client: a byte stream, or HTTP requests.
///
/// Everything happens on its event loop. What it receives goes to its receiver: first to the key exchange, then to the
/// session. A link that failed has told its receiver why, tells every later one, and sends nothing any more.
protocol ClientLink: AnyObject {
    var eventLoop: any EventLoop { get }
    /// Succeeds when no connection of the link is left.
    var closeFuture: EventLoopFuture<Void> { get }
    /// Whether payloads can ask for quick acknowledgements.
    var hasQuickAcknowledgements: Bool { get }
    /// Whether only pings show that the server is there; else the link's own limits do.
    var isWatchedByPings: Bool { get }
    /// How many bytes of the payloads written have not left yet.
    var unsentByteCount: Int { get }

    /// Once the link has ended: what went wrong last and was being tried again, if that is why nothing has succeeded since.
    var retriedFailure: (any Error)? { get }

    /// Makes an object the receiver; the one before gets nothing any more.
    func attach(_ receiver: any LinkReceiver)

    /// Begins to carry a session under a key: until now there were single plaintext payloads.
    func sessionBegins(keyIdentifier: UInt64)

    /// The payload that the link can carry now, if there is one. Nothing but the session may change here: its owner holds it.
    func nextPayload(of session: inout ClientSession, at now: SessionTime) -> OutgoingPayload?

    /// Writes what ``nextPayload(of:at:)`` returned.
    func write(_ payload: OutgoingPayload)

    /// Writes a plaintext payload, and flushes.
    ///
    /// - Returns: whether that can be now; if not, the receiver hears of it when it may try again.
    func writePlaintext(_ payload: ByteBuffer) -> Bool

    /// Sends what was written.
    func flush()

    /// Reads on if the receiver lets it now.
    func resumeReading()

    /// Reads once even though the receiver is behind, so that answers to our own pings are not taken for lost.
    func readOnce()

    /// The next flush is the last before ``finish()``: nothing that would only wait need begin.
    func prepareToFinish()

    /// Closes in good order, once what was written has left and was answered where that is the carrier's way; after a second
    /// in any case, and what the shutdown of TLS may take.
    func finish()

    /// Closes at once.
    func close()
}

extension ClientLink {
    var retriedFailure: (any Error)? { nil }
    var isWatchedByPings: Bool { true }

    func prepareToFinish() {}
}

/// How long a server that does not read may hold a client that closes.
let linkClosingTime = TimeAmount.seconds(1)

/// What gets the payloads of a link.
protocol LinkReceiver: AnyObject {
    /// Whether the link may read on.
    var mayRead: Bool { get }

    /// Takes a payload.
    func receive(_ payload: ByteBuffer) -> PayloadValue

    /// Takes a quick acknowledgement.
    func receiveQuickAcknowledgement(_ token: UInt32)

    /// What belongs together has been received, or the link can carry more than before.
    func linkIsReady()

    /// A payload is lost.
    ///
    /// - Parameters:
    ///   - identifier: which; 0 for a plaintext one.
    ///   - error: why.
    ///   - wasSent: whether its request was sent, and only the response will not come.
    func payloadLost(_ identifier: UInt64, because error: any Error, wasSent: Bool)

    /// The server says what time it is: seconds since 1970.
    func note(serverTime seconds: Int64)

    /// The link has failed or was closed; the receiver closes it in any case.
    func linkFailed(_ error: any Error)
}

/// What a payload was to the receiver.
enum PayloadValue: Sendable {
    /// It was received before, or is for a session that is over: no sign that the server is there.
    case stale
    /// It was new, and held nothing of interest.
    case empty
    case interesting
}

extension LinkReceiver {
    func receiveQuickAcknowledgement(_ token: UInt32) {}
    func linkIsReady() {}
    func note(serverTime seconds: Int64) {}
}

/// A link and the object that works on it, to be used from anywhere.
struct LinkReference: Sendable {
    let eventLoop: any EventLoop
    let closeFuture: EventLoopFuture<Void>
    private let link: NIOLoopBound<any ClientLink>

    /// Refers to a link; on its event loop.
    init(_ link: any ClientLink) {
        self.eventLoop = link.eventLoop
        self.closeFuture = link.closeFuture
        self.link = NIOLoopBound(link, eventLoop: link.eventLoop)
    }

    /// The link; on its event loop only.
    var value: any ClientLink { self.link.value }

    /// Closes at once.
    func close() {
        let link = self.link
        self.eventLoop.execute { link.value.close() }
    }
}

extension EventLoopFuture where Value: Sendable {
    /// The value; when it does not come in time, `close` is called and ``ClientTimeout`` is thrown.
    func get(within limit: Duration, orElse close: @escaping @Sendable () -> Void) async throws -> Value {
        let limit = TimeAmount(limit)
        let promise = self.eventLoop.makePromise(of: Value.self)
        let timer = self.eventLoop.scheduleTask(in: limit) {
            promise.fail(ClientTimeout(limit: limit))
            close()
        }
        self.whenComplete { result in
            timer.cancel()
            promise.completeWith(result)
        }
        return try await promise.futureResult.get()
    }
}

/// A time limit ran out.
struct ClientTimeout: Error {
    let limit: TimeAmount
}

/// The server closed the connection.
struct ConnectionClosedByPeer: Error {}
