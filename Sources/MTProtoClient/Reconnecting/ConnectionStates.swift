// SPDX-License-Identifier: Apache-2.0

internal import Synchronization

/// The states of a client that is kept connected, debounced: the present one first, then each that lasts. Whoever is slow gets
/// only the latest. The sequence ends with the service.
public struct ConnectionStates: AsyncSequence, Sendable {
    /// The kind of element.
    public typealias Element = ConnectionState
    /// Iterating throws nothing.
    public typealias Failure = Never

    let broadcast: ConnectionStateBroadcast

    /// Iterates over states from now on.
    public func makeAsyncIterator() -> Iterator {
        Iterator(iterator: self.broadcast.subscribe().makeAsyncIterator())
    }

    /// Iterates over states.
    public struct Iterator: AsyncIteratorProtocol {
        var iterator: AsyncStream<ConnectionState>.Iterator

        /// The next state; `nil` when the service has ended.
        public mutating func next() async -> ConnectionState? {
            await self.iterator.next()
        }
    }
}

/// Hands states to any number of readers.
final class ConnectionStateBroadcast: Sendable {
    private struct State {
        var current: ConnectionState
        var isFinished = false
        var lastNumber: UInt64 = 0
        var readers: [UInt64: AsyncStream<ConnectionState>.Continuation] = [:]
    }

    private let state: Mutex<State>

    init(_ initial: ConnectionState) {
        self.state = Mutex(State(current: initial))
    }

    var current: ConnectionState { self.state.withLock { $0.current } }

    func subscribe() -> AsyncStream<ConnectionState> {
        let (stream, continuation) = AsyncStream.makeStream(
            of: ConnectionState.self,
            bufferingPolicy: .bufferingNewest(1)
        )
        let number: UInt64? = self.state.withLock { state in
            continuation.yield(state.current)
            guard !state.isFinished else { return nil }
            state.lastNumber += 1
            state.readers[state.lastNumber] = continuation
            return state.lastNumber
        }
        guard let number else {
            continuation.finish()
            return stream
        }
        continuation.onTermination = { [weak self] _ in
            self?.state.withLock { _ = $0.readers.removeValue(forKey: number) }
        }
        return stream
    }

    func publish(_ new: ConnectionState) {
        self.state.withLock { state in
            state.current = new
            for reader in state.readers.values { reader.yield(new) }
        }
    }

    func finish() {
        let readers = self.state.withLock { state in
            state.isFinished = true
            defer { state.readers.removeAll() }
            return state.readers.values.map { $0 }
        }
        // Outside of the lock: each reader's end takes it.
        for reader in readers { reader.finish() }
    }
}
