// SPDX-License-Identifier: Apache-2.0

internal import NIOCore

/// A channel whose bytes wait for the next layer's handlers.
struct OpenStream: Sendable {
    let channel: any Channel
    private let gate: NIOLoopBound<HopGate>?

    /// A stream behind what has been done on the channel so far; on its event loop.
    ///
    /// - Parameter gate: the last handler, which holds what comes; `nil` for a channel that does not read yet.
    init(channel: any Channel, gate: HopGate? = nil) {
        self.channel = channel
        self.gate = gate.map { NIOLoopBound($0, eventLoop: channel.eventLoop) }
    }

    /// Lets the bytes go on to the next layer, whose handlers are in the pipeline now; on the event loop.
    func release() {
        self.gate?.value.release()
        _ = self.channel.setOption(.autoRead, value: true)
    }
}
