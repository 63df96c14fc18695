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
        let isRight = { (receiver: Receiver) in
            receiver.failures.count == 1
                && receiver.failures.allSatisfy {
                    isLocal ? $0 is ConnectionClosedLocally : $0 is ConnectionClosedByPeer
                }
        }
        #expect(isRight(receiver))
        // Whoever comes later hears the same, also when the channel has let the link go.
        let late = Receiver()
        link.attach(late)
        #expect(isRight(late))
        _ = try? channel.finish()
        let last = Receiver()
        link.attach(last)
        #expect(isRight(last))
        // And nobody hears it twice.
        #expect(isRight(receiver) && isRight(late))
    }
}
