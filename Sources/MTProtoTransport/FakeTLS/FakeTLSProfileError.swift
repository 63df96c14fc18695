// SPDX-License-Identifier: Apache-2.0

/// Why a text is no profile of a ClientHello, and where.
public struct FakeTLSProfileError: Error, Hashable, Sendable, CustomStringConvertible {
    /// The kinds of errors.
    public struct Code: Hashable, Sendable, CustomStringConvertible {
        private enum Kind: String {
            case textTooLong, unsupportedVersion, unknownWord, missingValue, unexpectedValue, invalidValue
            case missingEnd, unexpectedEnd, missingPart, tooManyParts, tooDeep
            case helloTooLong, helloTooShort, notClientHello
            case missingServerName, missingSuite, repeatedExtension, misplacedPadding
        }

        private let kind: Kind

        /// The text has more than 65 536 bytes.
        public static let textTooLong = Code(kind: .textTooLong)
        /// The first line is not `fake-tls-hello 1`.
        public static let unsupportedVersion = Code(kind: .unsupportedVersion)
        /// No element has this name, or not in this place.
        public static let unknownWord = Code(kind: .unknownWord)
        /// An element lacks its value.
        public static let missingValue = Code(kind: .missingValue)
        /// There is more behind an element than belongs to it.
        public static let unexpectedValue = Code(kind: .unexpectedValue)
        /// A value is not of its form, or not in its range.
        public static let invalidValue = Code(kind: .invalidValue)
        /// A block has no `end`.
        public static let missingEnd = Code(kind: .missingEnd)
        /// An `end` ends nothing.
        public static let unexpectedEnd = Code(kind: .unexpectedEnd)
        /// A `shuffle` or `choose` has no `part`.
        public static let missingPart = Code(kind: .missingPart)
        /// A `shuffle` or `choose` has more than 64 parts.
        public static let tooManyParts = Code(kind: .tooManyParts)
        /// Blocks are nested deeper than 16.
        public static let tooDeep = Code(kind: .tooDeep)
        /// A hello could have more than 16 384 bytes, with this element.
        public static let helloTooLong = Code(kind: .helloTooLong)
        /// A hello could have fewer than the 512 bytes that proxies want, and the first line does not end with `short`.
        public static let helloTooShort = Code(kind: .helloTooShort)
        /// This element cannot stand here in a ClientHello, or something must follow it: a length in `bytes` may be wrong, or
        /// parts of a `choose` or a `shuffle` be no whole extensions.
        public static let notClientHello = Code(kind: .notClientHello)
        /// The extensions do not name the domain in every hello, or not in the form that they must.
        public static let missingServerName = Code(kind: .missingServerName)
        /// The first cipher suite that is no reserved value is none of TLS 1.3, which begin with `13`.
        public static let missingSuite = Code(kind: .missingSuite)
        /// An extension could be there twice. Reserved values of different pairs can be the same.
        public static let repeatedExtension = Code(kind: .repeatedExtension)
        /// Padding is anywhere but in the last line of the extensions.
        public static let misplacedPadding = Code(kind: .misplacedPadding)

        /// The code's name.
        public var description: String {
            self.kind.rawValue
        }
    }

    /// What is wrong.
    public let code: Code
    /// The line of the word or of the element that is wrong, from 1. Errors of the whole text are in its first line.
    public let line: Int
    /// The column, in bytes from 1.
    public let column: Int

    init(_ code: Code, line: Int = 1, column: Int = 1) {
        self.code = code
        self.line = line
        self.column = column
    }

    /// `line:column: ` and a sentence for people.
    public var description: String {
        let text =
            switch self.code {
            case .textTooLong: "a profile has at most \(FakeTLSHelloProfile.maximumTextLength) bytes"
            case .unsupportedVersion: "a profile begins with the line “\(FakeTLSProfileParser.firstLine)”"
            case .unknownWord: "unknown word, or not in this place"
            case .missingValue: "a value is missing"
            case .unexpectedValue: "there is more in the line than belongs here"
            case .invalidValue: "the value is not of the right form, or out of its range"
            case .missingEnd: "a block is open: “end” is missing"
            case .unexpectedEnd: "no block is open here"
            case .missingPart: "the block needs “part … end”"
            case .tooManyParts: "the block has more than \(FakeTLSProfileParser.maximumPartCount) parts"
            case .tooDeep: "blocks are nested deeper than \(FakeTLSProfileParser.maximumDepth)"
            case .helloTooLong: "the hello could get longer than \(TLSRecord.maximumPlaintextLength) bytes"
            case .helloTooShort:
                "the hello could get shorter than \(FakeTLSHelloChecker.minimumRecordLength) bytes, which few proxies take; "
                    + "“\(FakeTLSProfileParser.firstLine) short” allows it"
            case .missingServerName: "not every hello names the domain: server_name is missing or of the wrong form"
            case .missingSuite: "the first cipher suite is none of TLS 1.3"
            case .repeatedExtension: "an extension could be there twice"
            case .misplacedPadding: "padding must be the last line of the extensions"
            default: "this makes no ClientHello: a length may be wrong, or a part be no whole extension"
            }
        return "\(self.line):\(self.column): \(text)"
    }
}
