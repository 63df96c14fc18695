// SPDX-License-Identifier: Apache-2.0

/// Why bytes are not the TL value that was expected.
///
/// ``TLReader``, every ``TLBoxed`` type, ``MessageBody`` and ``QueryEnvelope`` throw it. The description holds numbers
/// of the wire only, never contents.
public struct TLError: Error, Hashable, Sendable, CustomStringConvertible {
    /// The kinds of errors.
    public struct Code: Hashable, Sendable, CustomStringConvertible {
        private enum Value: String {
            case truncated, unexpectedConstructor, invalidLength, invalidCount, tooDeep, limitExceeded
            case nestedContainer, nestedCompression, invalidCompression
        }

        private let value: Value

        /// The value ends before its last byte.
        public static let truncated = Self(value: .truncated)
        /// A constructor that does not belong to the expected type.
        public static let unexpectedConstructor = Self(value: .unexpectedConstructor)
        /// A length that is negative, not a multiple of 4 where it must be, or larger than the rest.
        public static let invalidLength = Self(value: .invalidLength)
        /// A vector's or container's count that is negative or cannot fit into the rest.
        public static let invalidCount = Self(value: .invalidCount)
        /// Values nested deeper than the reader allows.
        public static let tooDeep = Self(value: .tooDeep)
        /// More elements or bytes than the limits allow.
        public static let limitExceeded = Self(value: .limitExceeded)
        /// A container within a container, or a copy within a copy.
        public static let nestedContainer = Self(value: .nestedContainer)
        /// Compressed data within compressed data.
        public static let nestedCompression = Self(value: .nestedCompression)
        /// Data that is not one whole gzip or zlib stream.
        public static let invalidCompression = Self(value: .invalidCompression)

        /// The code's name.
        public var description: String { self.value.rawValue }
    }

    /// What is wrong.
    public let code: Code

    /// The number at fault: a constructor, a length, a count or a limit; 0 where there is none.
    public let value: Int64

    private init(_ code: Code, _ value: Int64 = 0) {
        self.code = code
        self.value = value
    }

    /// The code, with the number at fault.
    public var description: String {
        switch self.code {
        case .unexpectedConstructor:
            let digits = String(self.value, radix: 16)
            return "TL: \(self.code) \(String(repeating: "0", count: max(0, 8 - digits.count)))\(digits)"
        case .invalidLength, .invalidCount, .limitExceeded: return "TL: \(self.code) \(self.value)"
        default: return "TL: \(self.code)"
        }
    }

    /// See ``Code/truncated``.
    public static let truncated = Self(.truncated)
    /// See ``Code/tooDeep``.
    public static let tooDeep = Self(.tooDeep)
    /// See ``Code/nestedContainer``.
    public static let nestedContainer = Self(.nestedContainer)
    /// See ``Code/nestedCompression``.
    public static let nestedCompression = Self(.nestedCompression)
    /// See ``Code/invalidCompression``.
    public static let invalidCompression = Self(.invalidCompression)

    /// See ``Code/unexpectedConstructor``.
    public static func unexpectedConstructor(_ constructor: UInt32) -> Self {
        Self(.unexpectedConstructor, Int64(constructor))
    }

    /// See ``Code/invalidLength``.
    public static func invalidLength(_ length: some BinaryInteger) -> Self {
        Self(.invalidLength, Int64(clamping: length))
    }

    /// See ``Code/invalidCount``.
    public static func invalidCount(_ count: some BinaryInteger) -> Self {
        Self(.invalidCount, Int64(clamping: count))
    }

    /// See ``Code/limitExceeded``.
    public static func limitExceeded(_ limit: some BinaryInteger) -> Self {
        Self(.limitExceeded, Int64(clamping: limit))
    }
}
