// SPDX-License-Identifier: Apache-2.0

package import NIOCore
internal import Synchronization

/// Makes a relay's connections say nothing more to their clients, from a moment on that the test chooses: a path that is gone
/// without a sign. Connections that come later are not concerned.
package final class Silence: Sendable {
    private let beginnings = Atomic(0)

    package init() {}

    /// Puts the handler that keeps silence on a channel; for the relay's `prepare`.
    package func watch(_ channel: any Channel) throws {
        try channel.pipeline.syncOperations.addHandler(Handler(self, since: self.count))
    }

    /// What is written to the connections there are now is dropped.
    package func begin() {
        self.beginnings.add(1, ordering: .sequentiallyConsistent)
    }

    private var count: Int { self.beginnings.load(ordering: .sequentiallyConsistent) }

    private final class Handler: ChannelOutboundHandler {
        typealias OutboundIn = ByteBuffer
        typealias OutboundOut = ByteBuffer

        private let silence: Silence
        private let countBefore: Int

        init(_ silence: Silence, since countBefore: Int) {
            self.silence = silence
            self.countBefore = countBefore
        }

        func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
            guard self.silence.count == self.countBefore else {
                promise?.succeed()
                return
            }
            context.write(data, promise: promise)
        }
    }
}
