// SPDX-License-Identifier: Apache-2.0

import NIOCore
import NIOPosix

/// A promise of no particular event loop.
enum LoosePromise {
    static func make() -> EventLoopPromise<Void> {
        MultiThreadedEventLoopGroup.singleton.next().makePromise()
    }
}
