// SPDX-License-Identifier: Apache-2.0

import MTProtoSession
import MTProtoTransport
import NIOCore
import NIOEmbedded
import Testing

@testable import MTProtoClient

/// When a step of a key exchange goes again.
@Suite struct PlaintextExchangeTests {
    /// Takes everything, and does nothing with it.
    private final class Link: ClientLink {
        let loop = EmbeddedEventLoop()
        private(set) var sent: [ByteBuffer] = []
        private(set) var isClosed = false

        var eventLoop: any EventLoop { self.loop }
        var closeFuture: EventLoopFuture<Void> { self.loop.makeSucceededVoidFuture() }
        var hasQuickAcknowledgements: Bool { false }
        var unsentByteCount: Int { 0 }

        func attach(_ receiver: any LinkReceiver) {}
        func sessionBegins(keyIdentifier: UInt64) {}
        func nextPayload(of session: inout ClientSession, at now: SessionTime) -> OutgoingPayload? { nil }
        func write(_ payload: OutgoingPayload) {}
        func writePlaintext(_ payload: ByteBuffer) -> Bool {
            self.sent.append(payload)
            return true
        }
        func flush() {}
        func resumeReading() {}
        func readOnce() {}
        func finish() {}
        func close() { self.isClosed = true }
    }

    private let link = Link()

    /// An exchange whose first step waits, and loses its payload so many times.
    private func lose(_ count: Int, _ error: any Error, wasSent: Bool) -> (
        PlaintextExchange, EventLoopFuture<ByteBuffer>
    ) {
        let exchange = PlaintextExchange(link: self.link, clock: .system)
        let answer = exchange.request(ByteBuffer(integer: 0, as: UInt64.self), timeout: .seconds(10))
        for _ in 0..<count {
            exchange.payloadLost(0, because: error, wasSent: wasSent)
            exchange.linkIsReady()
        }
        return (exchange, answer)
    }

    @Test("As long as the server cannot be dialed, or says that it fails", arguments: [false, true])
    func transient(wasSent: Bool) throws {
        let error: any Error = wasSent ? HTTPResponseError(.status(503)) : ConnectionClosedByPeer()
        let (exchange, answer) = self.lose(5, error, wasSent: wasSent)
        #expect(self.link.sent.count == 6)
        #expect(Set(self.link.sent).count == 1)
        #expect(!self.link.isClosed)
        let body = ByteBuffer(integer: 1, as: UInt64.self)
        _ = exchange.receive(PlaintextMessage(identifier: 1, body: body).serialized())
        #expect(try answer.wait() == body)
    }

    @Test("Only once when the response is lost")
    func lost() {
        let (_, answer) = self.lose(1, ConnectionClosedByPeer(), wasSent: true)
        #expect(self.link.sent.count == 2)
        #expect(!self.link.isClosed)
        self.link.loop.advanceTime(by: .seconds(10))
        #expect(throws: ClientTimeout.self) { try answer.wait() }
        let (_, second) = self.lose(2, ConnectionClosedByPeer(), wasSent: true)
        #expect(self.link.isClosed)
        #expect(throws: ConnectionClosedByPeer.self) { try second.wait() }
    }
}
