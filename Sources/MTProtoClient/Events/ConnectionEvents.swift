// SPDX-License-Identifier: Apache-2.0

public import MTProtoSession
public import NIOCore

/// What happens on a connection apart from answers to queries.
public enum ConnectionEvent: Sendable {
    /// An update from the server: a boxed TL value.
    case update(ByteBuffer)
    /// The server made the session anew: updates may have been lost before it.
    case newServerSession(NewSessionCreated)
    /// The server's salts changed.
    case saltsChanged
    /// The difference between the server's clock and ours is known or changed; nanoseconds, server minus local.
    case timeSynchronized(offsetNanoseconds: Int64)
    /// The session was started anew under another identifier; unanswered queries go with it.
    case sessionRestarted(newIdentifier: UInt64)
    /// The authorization key is no more.
    case keyDestroyed

    init?(_ event: ClientSessionEvent) {
        switch event {
        case .update(let body): self = .update(body)
        case .newServerSession(let session): self = .newServerSession(session)
        case .saltsChanged: self = .saltsChanged
        case .timeSynchronized(let offset): self = .timeSynchronized(offsetNanoseconds: offset)
        case .sessionRestarted(let identifier): self = .sessionRestarted(newIdentifier: identifier)
        case .keyDestroyed: self = .keyDestroyed
        case .result, .rpcError, .acknowledged, .stateReported, .failed, .dropped, .pong, .pingFailed,
            .sessionDestroyed, .connectionDead:
            return nil
        }
    }
}

typealias ConnectionEventsProducer = NIOAsyncSequenceProducer<
    ConnectionEvent, NIOAsyncSequenceProducerBackPressureStrategies.HighLowWatermark, ConnectionEventsDelegate
>
typealias ConnectionEventsSource = ConnectionEventsProducer.Source

/// The events of a connection, with back-pressure: while more than 64 wait, nothing is read from the connection, unless a
/// query or a ping waits for its answer; then up to 1 MiB of further updates is kept. Whoever queries from within an iteration
/// should take events in another task, or be ready for a query to wait when more updates than that come at once.
///
/// Events that arrive while nobody iterates are dropped. One iteration at a time gets them: a new one ends the one before.
/// The sequence ends with the connection.
public struct ConnectionEvents: AsyncSequence, Sendable {
    /// The kind of element.
    public typealias Element = ConnectionEvent
    /// Iterating throws nothing.
    public typealias Failure = Never

    let eventLoop: any EventLoop
    /// What has the events; on the event loop only.
    let host: @Sendable () -> any ConnectionEventsHost

    /// Iterates over events from now on.
    public func makeAsyncIterator() -> Iterator {
        let eventLoop = self.eventLoop
        let host = self.host
        let new = NIOAsyncSequenceProducer.makeSequence(
            elementType: ConnectionEvent.self,
            backPressureStrategy: NIOAsyncSequenceProducerBackPressureStrategies.HighLowWatermark(
                lowWatermark: 16,
                highWatermark: 64
            ),
            finishOnDeinit: true,
            delegate: ConnectionEventsDelegate(eventLoop: eventLoop, host: host)
        )
        eventLoop.execute { host().produceEvents(to: new.source) }
        return Iterator(iterator: new.sequence.makeAsyncIterator())
    }

    /// Iterates over the events of a connection.
    public struct Iterator: AsyncIteratorProtocol {
        var iterator: ConnectionEventsProducer.AsyncIterator

        /// The next event; `nil` when the connection has ended.
        public mutating func next() async -> ConnectionEvent? {
            await self.iterator.next()
        }
    }
}

/// What has events.
protocol ConnectionEventsHost: AnyObject {
    /// Gives events to a source from now on, instead of the one before.
    func produceEvents(to source: ConnectionEventsSource)

    func eventDemandChanged(isExhausted: Bool)
}

extension SessionDriver: ConnectionEventsHost {
    func produceEvents(to source: ConnectionEventsSource) {
        self.events?.finish()
        guard self.failure == nil else { return source.finish() }
        self.events = source
        self.eventDemandChanged(isExhausted: false)
    }
}

struct ConnectionEventsDelegate: NIOAsyncSequenceProducerDelegate {
    let eventLoop: any EventLoop
    let host: @Sendable () -> any ConnectionEventsHost

    func produceMore() {
        self.eventLoop.execute { self.host().eventDemandChanged(isExhausted: false) }
    }

    func didTerminate() {
        self.eventLoop.execute { self.host().eventDemandChanged(isExhausted: false) }
    }
}
