// SPDX-License-Identifier: Apache-2.0

import MTProtoSession
import MTProtoTestSupport
import MTProtoTransport
import NIOCore
import Synchronization
import Testing

@testable import MTProtoClient

/// Dials places of a test where the client believes to dial Telegram's: nothing leaves the machine.
final class LoopbackDialer: Dialer {
    /// Where a destination really is.
    enum Place: Sendable {
        case at(SocketEndpoint)
        /// There, but dialed only when this has succeeded.
        case later(EventLoopFuture<Void>, SocketEndpoint)
        /// The dial never ends, like that of a resolver that gets no answer.
        case nowhere
    }

    /// What was opened.
    let channels = OpenChannels()
    /// Each destination as it is dialed.
    let dials: AsyncStream<SocketEndpoint>
    private let continuation: AsyncStream<SocketEndpoint>.Continuation
    private let place: @Sendable (_ destination: String, _ number: Int) throws -> Place?
    private let counts = Mutex<[SocketEndpoint: Int]>([:])

    /// - Parameter place: told the destination, and how often it was dialed before. `nil`: nobody may dial it.
    init(_ place: @escaping @Sendable (_ destination: String, _ number: Int) throws -> Place?) {
        self.place = place
        (self.dials, self.continuation) = AsyncStream.makeStream(of: SocketEndpoint.self)
    }

    convenience init(_ places: [String: SocketEndpoint]) {
        self.init { destination, _ in places[destination].map { .at($0) } }
    }

    /// Waits for so many dials.
    func dialed(_ count: Int) async {
        var rest = count
        for await _ in self.dials {
            rest -= 1
            if rest == 0 { return }
        }
    }

    func dial(_ destination: SocketEndpoint, context: DialContext) -> EventLoopFuture<any Channel> {
        let number = self.counts.withLock { counts in
            counts[destination, default: 0] += 1
            return (counts[destination] ?? 1) - 1
        }
        let counted = DialContext(eventLoop: context.eventLoop, timeout: context.timeout) { channel in
            self.channels.add(channel)
            try context.willConnect(channel)
        }
        defer { self.continuation.yield(destination) }
        do {
            switch try self.place("\(destination)", number) {
            case .at(let endpoint):
                return TCPDialer().dial(endpoint, context: counted)
            case .later(let future, let endpoint):
                return future.hop(to: context.eventLoop).flatMap { TCPDialer().dial(endpoint, context: counted) }
            case .nowhere:
                return context.eventLoop.scheduleTask(in: .hours(1)) { throw CancellationError() }.futureResult
            case nil:
                Issue.record("dialed \(destination)")
                return context.eventLoop.makeFailedFuture(CancellationError())
            }
        } catch {
            return context.eventLoop.makeFailedFuture(error)
        }
    }
}

/// Addresses of a data centre 2 that are nobody's, each with this port only.
func raceConfiguration(
    _ addresses: [String],
    _ dialer: LoopbackDialer,
    _ change: (inout ClientConfiguration) -> Void = { _ in }
) throws -> ClientConfiguration {
    let list = try addresses.map { text in
        var address = try #require(DataCenterAddress(number: 2, socket: try SocketEndpoint(text)))
        address.isThisPortOnly = true
        return address
    }
    return clientConfiguration {
        $0.dataCenterOptions = DataCenterOptions(isTelegram: true, production: list, test: [])
        $0.dialer = dialer
        $0.strategy = .race([.tcp()], stagger: .milliseconds(10))
        $0.session.pongTimeout = .seconds(60)
        change(&$0)
    }
}
