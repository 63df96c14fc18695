// SPDX-License-Identifier: Apache-2.0

import Logging
import Synchronization

/// Keeps the errors that are logged.
final class LogRecorder: Sendable {
    private struct Handler: LogHandler {
        let recorder: LogRecorder
        var metadata = Logger.Metadata()
        var logLevel = Logger.Level.error

        subscript(metadataKey key: String) -> Logger.Metadata.Value? {
            get { self.metadata[key] }
            set { self.metadata[key] = newValue }
        }

        func log(event: LogEvent) {
            let metadata = event.metadata ?? [:]
            self.recorder.state.withLock { $0.append((event.message.description, metadata)) }
        }
    }

    private let state = Mutex<[(message: String, metadata: Logger.Metadata)]>([])

    var errors: [(message: String, metadata: Logger.Metadata)] { self.state.withLock { $0 } }

    var logger: Logger { Logger(label: "test", factory: { _ in Handler(recorder: self) }) }
}
