// SPDX-License-Identifier: Apache-2.0

internal import Logging
internal import MTProtoSession
internal import NIOCore

/// Changes that must not be lost when the store fails once: without them a session would wait for ever for what has happened
/// already. They do not depend on the connection that brought them.
extension ServerContext {
    /// The pauses before the further attempts: together more than a minute.
    private static let pauses: [TimeAmount] = [
        .milliseconds(100), .milliseconds(400), .seconds(1), .seconds(4), .seconds(16), .seconds(60),
    ]

    /// Runs a change on a session if it exists, and again when the store fails; then wakes whoever can send what the session has.
    ///
    /// - Parameter change: may be carried out although the store reports a failure, and then again.
    func changeInsistently(
        _ session: ServerSessionIdentifier,
        on eventLoop: any EventLoop,
        _ change: @escaping @Sendable (inout ServerSession) -> Void
    ) {
        switch self.configuration.sessions.change(session, on: eventLoop, makingIfMissing: nil, change) {
        case .immediate:
            self.wake(session)
        case .later(let future):
            future.whenComplete { result in
                // Others are woken even so: the outcome is not known.
                self.wake(session)
                guard case .failure(let error) = result else { return }
                self.configuration.logger.error("store failed", metadata: ["error": "\(error)"])
                self.changeAgain(session, on: eventLoop, change)
            }
        }
    }

    /// Runs a change after a pause, because the store has failed to.
    func changeAgain(
        _ session: ServerSessionIdentifier,
        on eventLoop: any EventLoop,
        attempt: Int = 0,
        _ change: @escaping @Sendable (inout ServerSession) -> Void
    ) {
        guard attempt < Self.pauses.count, attempt > 0 || self.beginRepetition() else {
            if attempt > 0 { self.endRepetition() }
            return self.configuration.logger.error("given up to change a session")
        }
        eventLoop.scheduleTask(in: Self.pauses[attempt]) {
            let result = self.configuration.sessions.change(session, on: eventLoop, makingIfMissing: nil, change)
            switch result {
            case .immediate:
                self.wake(session)
                self.endRepetition()
            case .later(let future):
                future.whenComplete { result in
                    switch result {
                    case .success:
                        self.wake(session)
                        self.endRepetition()
                    case .failure:
                        self.changeAgain(session, on: eventLoop, attempt: attempt + 1, change)
                    }
                }
            }
        }
    }

    private func beginRepetition() -> Bool {
        guard self.repetitions.take(1) else { return false }
        self.work.begin()
        return true
    }

    private func endRepetition() {
        self.repetitions.give(1)
        self.work.end()
    }
}
