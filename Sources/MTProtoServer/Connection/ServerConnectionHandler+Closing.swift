// SPDX-License-Identifier: Apache-2.0

internal import DequeModule
internal import Logging
internal import MTProtoTransport
internal import NIOCore

/// How a connection ends: with all that was written, and when it is the server's or the client's wish, with all that was asked.
extension ServerConnectionHandler {
    /// Sends a transport error and closes: nothing after it could be answered.
    func refuse(_ code: TransportErrorCode) {
        guard !self.isClosing, let context = self.context else { return }
        self.logger.debug("refusing", metadata: ["transport error": "\(code.rawValue)"])
        self.write(.transportError(code))
        self.announceClosing(code, context: context)
        context.flush()
        self.close()
    }

    /// Counts what a client that has shown no key makes the server keep, and turns it away when that is too much of all of them.
    func countStrangerBytes() {
        guard self.strangerBytes.isCounting, !self.isClosing else { return }
        let byteCount = self.transportHandler.bufferedByteCount
        guard self.strangerBytes.keep(byteCount) else { return self.refuse(.flood) }
        // A whole payload may be waiting for its key.
        if !self.isBusy { self.strangerBytes.shrink(to: byteCount) }
    }

    /// Closes after the writes before it have left: output first, the whole connection when the client has ended its side
    /// too (or the drain time is over), because closing with unread input would make the kernel drop the last answer.
    func close() {
        guard !self.isClosing, let context = self.context else { return }
        self.isClosing = true
        self.abandonTurn()
        self.endQueries()
        self.flushSessions()
        // Events may be paused, and would then stay so while input piles up.
        if self.transportHandler.discard() { self.isInputClosed = true }
        self.strangerBytes.release()
        self.timers.closing(at: context.eventLoop.now)
        let written = context.eventLoop.makePromise(of: Void.self)
        written.futureResult.assumeIsolated().whenComplete { _ in
            self.isWritten = true
            self.closeWhenWritten()
        }
        self.transportHandler.flushed(written)
        self.rescheduleTimer()
        self.resumeReading()
    }

    /// NIO drops what is queued when the second side of a connection is closed, so nothing is closed before all has left.
    func closeWhenWritten() {
        guard self.isWritten, let context = self.context else { return }
        if self.isInputClosed {
            context.close(promise: nil)
        } else {
            context.close(mode: .output, promise: nil)
        }
    }

    /// After the client's last byte, or when the server ends: the connection closes when everything it asked is answered.
    func closeIfFinished() {
        guard self.isInputClosed || self.isShuttingDown || self.transportHandler.hasSentLast, !self.isBusy,
            self.waitingActions.isEmpty,
            self.carrier.isTurnBased
                ? !self.transportHandler.maySendPayload
                : self.queries.isEmpty && self.dirtySessions.isEmpty && !self.isFlushing
        else { return }
        self.close()
    }

    /// The server ends: what the client has asked is answered, within the drain time; then the connection closes.
    func shutDown() {
        guard let context = self.context, !self.isClosing, !self.isShuttingDown else { return }
        self.isShuttingDown = true
        self.transportHandler.endInput()
        self.timers.shuttingDown(at: context.eventLoop.now)
        self.flushSessions()
        self.closeIfFinished()
        self.rescheduleTimer()
    }
}
