// SPDX-License-Identifier: Apache-2.0

import MTProtoTransport
import NIOCore
import NIOEmbedded
import Testing

@testable import MTProtoClient

/// What the receiver of a link over a stream is told of its end.
@Suite struct StreamLinkTests {
    private final class Receiver: LinkReceiver {
        private(set) var failures: [any Error] = []

        var mayRead: Bool { true }
        func receive(_ payload: ByteBuffer) -> PayloadValue { .empty }
        func payloadLost(_ identifier: UInt64, because error: any Error, wasSent: Bool) {}
        func linkFailed(_ error: any Error) { self.failures.append(error) }
    }

    @Test("Who closed: this end, or the server", arguments: [false, true])
    func end(isLocal: Bool) throws {
        let channel = EmbeddedChannel()
        let link = StreamLink(channel: channel, framing: .intermediate)
        try channel.pipeline.syncOperations.addHandler(link)
        channel.connect(to: try SocketAddress(ipAddress: "127.0.0.1", port: 1), promise: nil)
        let receiver = Receiver()
        link.attach(receiver)
        if isLocal {
            link.close()
        } else {
            channel.pipeline.fireChannelInactive()
        }
        channel.embeddedEventLoop.run()
        #expect(receiver.failures.count == 1)
        #expect(
            isLocal
                ? receiver.failures.first is ConnectionClosedLocally : receiver.failures.first is ConnectionClosedByPeer
        )
        // Whoever comes later hears the same.
        let late = Receiver()
        link.attach(late)
        #expect(late.failures.allSatisfy { isLocal ? $0 is ConnectionClosedLocally : $0 is ConnectionClosedByPeer })
        _ = try? channel.finish()
    }
}
