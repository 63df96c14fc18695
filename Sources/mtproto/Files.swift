// SPDX-License-Identifier: Apache-2.0

#if canImport(Darwin)
internal import Darwin
#elseif canImport(Musl)
internal import Musl
#else
internal import Glibc
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
        var status = stat()
        return stat(path, &status) == 0
    }

    /// Whether two paths name one file, or would.
    static func isSame(_ first: String, _ second: String) -> Bool {
        var left = stat()
        var right = stat()
        if stat(first, &left) == 0, stat(second, &right) == 0 {
            return left.st_dev == right.st_dev && left.st_ino == right.st_ino
        }
        let firstParts = self.split(first)
        let secondParts = self.split(second)
        guard firstParts.name == secondParts.name, stat(firstParts.folder, &left) == 0,
            stat(secondParts.folder, &right) == 0
        else { return false }
        return left.st_dev == right.st_dev && left.st_ino == right.st_ino
    }

    static func readText(_ path: String) throws(FileError) -> String {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else {
            throw FileError(path: path, reason: errno == ENOENT ? "there is no such file" : "cannot be read")
        }
        defer { close(descriptor) }
        var bytes: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 65_536)
        while true {
            let count = read(descriptor, &chunk, chunk.count)
            if count < 0 {
                guard errno == EINTR else { throw FileError(path: path, reason: "cannot be read") }
                continue
            }
            guard count > 0 else { break }
            bytes.append(contentsOf: chunk[..<count])
            guard bytes.count <= self.maximumLength else {
                throw FileError(path: path, reason: "larger than \(self.maximumLength) bytes")
            }
        }
        guard let text = String(validating: bytes, as: UTF8.self) else {
            throw FileError(path: path, reason: "is not text")
        }
        return text
    }

    /// Replaces a file in one step: at every moment there is the old one or the new one, whole. A secret one is readable by
    /// its owner only from its first byte.
    static func write(_ text: String, to path: String, isSecret: Bool) throws(FileError) {
        var status = stat()
        if lstat(path, &status) == 0, status.st_mode & S_IFMT != S_IFREG {
            throw FileError(path: path, reason: "is not a regular file")
        }
        let parts = self.split(path)
        let temporary = "\(parts.folder)/.\(parts.name).\(UInt64.random(in: .min ... .max))"
        let descriptor = open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, isSecret ? 0o600 : 0o644)
        guard descriptor >= 0 else { throw FileError(path: path, reason: "cannot be written") }
        let isWritten = self.write(Array(text.utf8), to: descriptor) && fsync(descriptor) == 0
        close(descriptor)
        guard isWritten, rename(temporary, path) == 0 else {
            unlink(temporary)
            throw FileError(path: path, reason: "cannot be written")
        }
    }

    private static func write(_ bytes: [UInt8], to descriptor: Int32) -> Bool {
        var rest = bytes[...]
        while !rest.isEmpty {
            let count = rest.withUnsafeBytes { systemWrite(descriptor, $0) }
            if count < 0 {
                guard errno == EINTR else { return false }
            } else {
                rest = rest.dropFirst(count)
            }
        }
        return true
    }

    private static func split(_ path: String) -> (folder: String, name: String) {
        guard let slash = path.lastIndex(of: "/") else { return (".", path) }
        let folder = String(path[..<slash])
        return (folder.isEmpty ? "/" : folder, String(path[path.index(after: slash)...]))
    }
}

/// `write(2)`, which a method of the same name hides.
func systemWrite(_ descriptor: Int32, _ bytes: UnsafeRawBufferPointer) -> Int {
    write(descriptor, bytes.baseAddress, bytes.count)
}
