// SPDX-License-Identifier: Apache-2.0

#if canImport(Darwin)
internal import Darwin
#elseif canImport(Musl)
internal import Musl
#else
internal import Glibc
#endif

/// Lines to the standard streams, written at once: whoever reads a pipe sees them when they happen.
enum Console {
    static func line(_ text: String) {
        self.write(text + "\n", to: STDOUT_FILENO)
    }

    static func error(_ text: String) {
        self.write(text + "\n", to: STDERR_FILENO)
    }

    private static func write(_ text: String, to descriptor: Int32) {
        var bytes = Array(text.utf8)[...]
        while !bytes.isEmpty {
            let count = bytes.withUnsafeBytes { systemWrite(descriptor, $0) }
            if count < 0 {
                if errno == EAGAIN {
                    // Somebody made the pipe non-blocking: wait for its reader.
                    var ready = pollfd(fd: descriptor, events: Int16(POLLOUT), revents: 0)
                    poll(&ready, 1, -1)
                } else if errno != EINTR {
                    return
                }
            } else {
                bytes = bytes.dropFirst(count)
            }
        }
    }

    /// A hang-up means "reload" to a server; it must not end one that has nothing to reload.
    static func ignoreHangUp() {
        _ = signal(SIGHUP, SIG_IGN)
    }
}
