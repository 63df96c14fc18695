// SPDX-License-Identifier: Apache-2.0

/// A request that HTTP itself is at fault with: it was answered with a status, and the connection ends.
struct HTTPRequestError: Error, CustomStringConvertible {
    let status: UInt

    package var description: String { "HTTP status \(self.status)" }
}
