// SPDX-License-Identifier: Apache-2.0

import Foundation

/// A directory that goes with its owner.
final class TemporaryDirectory: Sendable {
    private let url: URL

    init() throws {
        self.url = FileManager.default.temporaryDirectory.appendingPathComponent("mtproto-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: self.url, withIntermediateDirectories: true)
    }

    deinit {
        try? FileManager.default.removeItem(at: self.url)
    }

    func path(_ name: String) -> String { self.url.appendingPathComponent(name).path }

    func write(_ text: String, to name: String) throws {
        try Data(text.utf8).write(to: self.url.appendingPathComponent(name))
    }
}
