// SPDX-License-Identifier: Apache-2.0

/// Why a frame could not be read or written.
///
/// A stream whose decoder threw is out of step and must be closed; nothing behind the faulty frame can be trusted.
public struct FramingError: Error, Hashable, Sendable, CustomStringConvertible {
    /// The kinds of framing errors.
    public struct Code: Hashable, Sendable, CustomStringConvertible {
        private enum Kind: String {
            case empty, unaligned, oversized, invalidLength, messageLengthExceedsFrame, unpaddable
            case wrongSequence, wrongChecksum, invalidControlWord, quickAckUnsupported, wrongRole
        }

        private let kind: Kind

        /// The payload has no bytes. ``FramingError/actual`` is 0.
        public static let empty = Code(kind: .empty)
        /// The length, ``FramingError/actual``, is not a multiple of 4 bytes.
        public static let unaligned = Code(kind: .unaligned)
        /// The length, ``FramingError/actual``, is above the limit, ``FramingError/expected``; in bytes.
        public static let oversized = Code(kind: .oversized)
        /// The length, ``FramingError/actual``, belongs to no frame that this side may receive or send.
        public static let invalidLength = Code(kind: .invalidLength)
        /// A plaintext message declares more bytes, ``FramingError/actual``, than its frame has left,
        /// ``FramingError/expected``. A server answers it with ``TransportErrorCode/notFound``.
        public static let messageLengthExceedsFrame = Code(kind: .messageLengthExceedsFrame)
        /// Only encoders: in padded intermediate framing a receiver could not tell this payload's length,
        /// ``FramingError/actual``, because it is neither a plaintext nor an encrypted message.
        public static let unpaddable = Code(kind: .unpaddable)
        /// The sequence number of full framing is not the one that comes next.
        public static let wrongSequence = Code(kind: .wrongSequence)
        /// The CRC-32 of full framing does not match.
        public static let wrongChecksum = Code(kind: .wrongChecksum)
        /// A control word, ``FramingError/actual``, is neither a transport error nor anything else known.
        public static let invalidControlWord = Code(kind: .invalidControlWord)
        /// The framing has no form for quick acknowledgements.
        public static let quickAckUnsupported = Code(kind: .quickAckUnsupported)
        /// Only encoders: the other side of the connection sends this kind of frame.
        public static let wrongRole = Code(kind: .wrongRole)

        /// The code's name.
        public var description: String {
            self.kind.rawValue
        }
    }

    /// What is wrong.
    public let code: Code
    /// The offending value, where there is one; see ``code-swift.property``.
    public let actual: Int64?
    /// The value or limit that ``actual`` was compared with, where there is one.
    public let expected: Int64?

    init(_ code: Code, actual: Int64? = nil, expected: Int64? = nil) {
        self.code = code
        self.actual = actual
        self.expected = expected
    }

    static func length(_ code: Code, _ actual: Int, limit: Int? = nil) -> FramingError {
        FramingError(code, actual: Int64(actual), expected: limit.map(Int64.init))
    }

    static func controlWord(_ word: UInt32) -> FramingError {
        FramingError(.invalidControlWord, actual: Int64(Int32(bitPattern: word)))
    }

    /// The code with its numbers.
    public var description: String {
        switch (self.actual, self.expected) {
        case (let actual?, let expected?): "\(self.code) (\(actual), expected \(expected))"
        case (let actual?, nil): "\(self.code) (\(actual))"
        default: "\(self.code)"
        }
    }
}
