// SPDX-License-Identifier: Apache-2.0

import MTProtoTransport
import NIOCore

extension HopHandshake {
    /// Runs the handshake against answers that arrive in these reads.
    ///
    /// - Returns: What the handshake wrote, whether it is done, and what it left of the reads.
    mutating func run(_ reads: [[UInt8]]) throws(Failure) -> (sent: [[UInt8]], isDone: Bool, left: [UInt8]) {
        var sent = [self.start().bytes]
        var received = ByteBuffer()
        var isDone = false
        for read in reads {
            received.writeBytes(read)
            var action = HopHandshakeAction.needsMoreBytes
            repeat {
                action = try self.receive(&received)
                if case .send(let bytes) = action { sent.append(bytes.bytes) }
                if action == .done { isDone = true }
            } while action != .needsMoreBytes && action != .done
        }
        return (sent, isDone, received.bytes)
    }
}
