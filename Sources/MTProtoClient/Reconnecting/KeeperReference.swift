// SPDX-License-Identifier: Apache-2.0

internal import NIOCore
internal import Synchronization

/// A keeper, to be used from anywhere; made on its event loop when it is first needed.
final class KeeperReference: Sendable {
    let eventLoop: any EventLoop
    private let make: @Sendable () -> ConnectionKeeper
    private let bound = Mutex<NIOLoopBound<ConnectionKeeper>?>(nil)

    init(eventLoop: any EventLoop, make: @escaping @Sendable () -> ConnectionKeeper) {
        self.eventLoop = eventLoop
        self.make = make
    }

    /// The keeper; on its event loop only.
    var value: ConnectionKeeper {
        self.bound.withLock { bound in
            if let bound { return bound }
            let new = NIOLoopBound(self.make(), eventLoop: self.eventLoop)
            bound = new
            return new
        }.value
    }

    /// Does something with the keeper on its event loop, soon.
    func execute(_ work: @escaping @Sendable (ConnectionKeeper) -> Void) {
        self.eventLoop.execute { work(self.value) }
    }
}
