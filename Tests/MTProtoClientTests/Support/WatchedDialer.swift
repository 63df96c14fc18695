// SPDX-License-Identifier: Apache-2.0

import Foundation
import MTProtoClient
import MTProtoTransport
import NIOCore

/// Dials by TCP, unless it is told otherwise.
struct WatchedDialer: Dialer {
    /// Called before each dial: what it fails with, an `errno`; `nil` lets it go on.
    let willDial: @Sendable () -> CInt?

    func dial(_ destination: SocketEndpoint, context: DialContext) -> EventLoopFuture<any Channel> {
        guard let code = self.willDial() else { return TCPDialer().dial(destination, context: context) }
        return context.eventLoop.makeFailedFuture(IOError(errnoCode: code, reason: "told to fail"))
    }
}
