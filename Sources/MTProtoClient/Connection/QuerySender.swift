// SPDX-License-Identifier: Apache-2.0

internal import MTProtoSession
internal import NIOCore

/// What queries are sent through: one connection, or a client that stays connected.
protocol QuerySender: Sendable {
    /// Where everything happens.
    var eventLoop: any EventLoop { get }

    /// How long the answer to a query may take that has no limit of its own; `nil`: as long as it likes.
    var queryTimeout: Duration? { get }

    /// A number that no query of this sender has had.
    func nextNumber() -> UInt64

    /// Takes a query; on the event loop.
    func take(
        _ query: ByteBuffer,
        number: UInt64,
        result: EventLoopPromise<ByteBuffer>,
        quickAck: EventLoopPromise<Void>?
    )

    /// Gives a query up; on the event loop.
    func giveUp(_ number: UInt64, because reason: any Error)

    /// The error for the user.
    func clientError(_ error: any Error) -> MTProtoClientError
}

extension QuerySender {
    /// Sends a query.
    func send(_ query: ByteBuffer, wantsQuickAck: Bool, timeout: Duration?) -> SentQuery {
        let number = self.nextNumber()
        let eventLoop = self.eventLoop
        let result = eventLoop.makePromise(of: ByteBuffer.self)
        let quickAck = wantsQuickAck ? eventLoop.makePromise(of: Void.self) : nil
        let limit = (timeout ?? self.queryTimeout).map { TimeAmount($0) }
        let now = NIODeadline.now()
        eventLoop.execute {
            self.take(query, number: number, result: result, quickAck: quickAck)
            guard let limit else { return }
            // Only now: a busy event loop takes timers that are due before what was given to it earlier.
            let timer = eventLoop.scheduleTask(deadline: now + limit) {
                self.giveUp(number, because: ClientTimeout(limit: limit))
            }
            result.futureResult.whenComplete { _ in timer.cancel() }
        }
        return SentQuery(
            sender: self,
            number: number,
            resultFuture: result.futureResult,
            quickAckFuture: quickAck?.futureResult
        )
    }

    /// Sends a method and reads its result.
    func call<Method: TLMethod>(_ method: Method, timeout: Duration?) async throws -> Method.Result {
        let result = try await self.send(method.serialized(), wantsQuickAck: false, timeout: timeout).result()
        do {
            var reader = TLReader(result)
            return try Method.readResult(&reader)
        } catch {
            throw self.clientError(
                MTProtoClientError(.malformedResult, phase: .use, message: "\(error)", underlying: error)
            )
        }
    }

    /// Gives a query up that nobody waits for any more.
    func cancel(_ number: UInt64) {
        self.eventLoop.execute { self.giveUp(number, because: CancellationError()) }
    }

    /// Checks that a receipt can be had.
    func requireReceipts(of transport: ClientTransport) throws(MTProtoClientError) {
        guard transport.isStream, !transport.hasQuickAcknowledgements else { return }
        let name = transport.custom?.transport.name ?? "the full framing"
        throw self.clientError(
            MTProtoClientError(.invalidConfiguration, phase: .use, message: "\(name) has no quick acknowledgements")
        )
    }
}
