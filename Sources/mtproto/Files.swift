// SPDX-License-Identifier: Apache-2.0

#if canImport(FoundationEssentials)
internal import FoundationEssentials
#else
internal import Foundation
#endif

/// A file that cannot be used.
struct FileError: Error, CustomStringConvertible {
    let path: String
    let reason: String

    var description: String { "\(self.path): \(self.reason)" }
}

/// Reading and writing the small files of the tool.
enum Files {
    /// Largest file that is read: keys and sessions are a few KiB.
    private static let maximumLength = 1 << 20

    static func exists(_ path: String) -> Bool {
        FileManager.default.fileExists(atPath: path)
    }

    static func readText(_ path: String) throws -> String {
        let data: Data
        do {
            data = try Data(contentsOf: URL(filePath: path))
        } catch {
            throw FileError(path: path, reason: self.exists(path) ? "cannot be read" : "there is no such file")
        }
        guard data.count <= self.maximumLength else {
            throw FileError(path: path, reason: "larger than \(self.maximumLength) bytes")
        }
        guard let text = String(data: data, encoding: .utf8) else {
            throw FileError(path: path, reason: "is not text")
        }
        return text
    }

    /// Replaces a file in one step; a secret one is readable by its owner only.
    static func write(_ text: String, to path: String, isSecret: Bool) throws {
        let temporary = path + ".new"
        do {
            if self.exists(temporary) { try FileManager.default.removeItem(atPath: temporary) }
            let permissions: [FileAttributeKey: Any] = [.posixPermissions: isSecret ? 0o600 : 0o644]
            guard
                FileManager.default.createFile(
                    atPath: temporary,
                    contents: Data(text.utf8),
                    attributes: permissions
                )
            else { throw FileError(path: path, reason: "cannot be written") }
            try self.rename(temporary, to: path)
        } catch let error as FileError {
            throw error
        } catch {
            throw FileError(path: path, reason: "cannot be written")
        }
    }

    private static func rename(_ source: String, to destination: String) throws {
        if self.exists(destination) { try FileManager.default.removeItem(atPath: destination) }
        try FileManager.default.moveItem(atPath: source, toPath: destination)
    }
}

/// One JSON object a line.
enum JSONLines {
    static func encode(_ value: some Encodable) throws -> String {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        return String(decoding: try encoder.encode(value), as: UTF8.self)
    }

    static func decode<Value: Decodable>(_ type: Value.Type, from text: String) throws -> Value {
        try JSONDecoder().decode(type, from: Data(text.utf8))
    }
}
