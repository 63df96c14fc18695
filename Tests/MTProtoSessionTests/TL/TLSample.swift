// SPDX-License-Identifier: Apache-2.0

import MTProtoCrypto
import NIOCore
import Testing

@testable import MTProtoSession

/// One value of a TL type with its line in the schema, for the tests that every type must pass.
struct TLSample: Sendable, CustomTestStringConvertible {
    /// The line, as in the official schema.
    let line: String
    /// The boxed value.
    let bytes: ByteBuffer
    /// How many bytes at the end may be missing without an error: a rest that is not looked into.
    let openLength: Int
    /// Reads the bytes, and says whether the value is the sample's, and how it is written again.
    let read: @Sendable (ByteBuffer) throws(TLError) -> (isEqual: Bool, written: ByteBuffer)

    init<T: TLBoxed & Hashable>(_ line: String, _ value: T, openLength: Int = 0) {
        self.line = line
        self.bytes = value.serialized()
        self.openLength = openLength
        self.read = { (buffer) throws(TLError) in
            let again = try T(buffer)
            return (again == value, again.serialized())
        }
    }

    var testDescription: String { String(self.line.prefix { $0 != " " }) }

    /// The number in the line.
    var printedConstructor: UInt32? {
        self.line.split(separator: " ").first?.split(separator: "#").last.flatMap { UInt32($0, radix: 16) }
    }

    /// The CRC-32 of the line in the official normal form.
    ///
    /// The form has `string` in place of `bytes`, but one line of the schema has got its number without that.
    func computedConstructor(replacingBytes: Bool = true) -> UInt32 {
        var words: [String] = []
        for word in self.line.split(separator: " ") {
            let text = word.replacing("<", with: " ").replacing(">", with: " ").filter { $0 != "{" && $0 != "}" }
            if text.hasSuffix("?true") { continue }
            words.append(words.isEmpty ? String(text.prefix { $0 != "#" }) : text)
        }
        let normalized = words.joined(separator: " ")
            .replacing(":bytes ", with: replacingBytes ? ":string " : ":bytes ")
            .replacing("?bytes ", with: "?string ")
            .split(separator: " ").joined(separator: " ")
        return Array(normalized.utf8).withUnsafeBytes { CRC32.checksum($0) }
    }

    static let all = Self.keyExchange + Self.service + Self.api
}
