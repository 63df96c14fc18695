// SPDX-License-Identifier: Apache-2.0

/// Why a payload is not a message.
///
/// Whoever gets one of these drops the payload and closes the connection.
public struct MessageError: Error, Hashable, Sendable, CustomStringConvertible {
    /// The kinds of errors.
    public struct Code: Hashable, Sendable, CustomStringConvertible {
        private enum Value: String {
            case malformedPlaintext, undecryptable, malformedLength, malformedPadding, malformedBinding
        }

        private let value: Value

        /// A plaintext message whose head is cut short, has a key, or declares more bytes than there are.
        public static let malformedPlaintext = Self(value: .malformedPlaintext)
        /// An encrypted message with a wrong size, key identifier or message key. Which one of them is not told: an
        /// answer that depended on it would help an attacker.
        public static let undecryptable = Self(value: .undecryptable)
        /// An authentic message whose body's length is negative, not a multiple of 4 or larger than the message.
        public static let malformedLength = Self(value: .malformedLength)
        /// An authentic message with less than 12 or more than 1024 bytes of padding.
        public static let malformedPadding = Self(value: .malformedPadding)
        /// An authentic message of a key binding that holds something else.
        public static let malformedBinding = Self(value: .malformedBinding)

        /// The code's name.
        public var description: String { self.value.rawValue }
    }

    /// What is wrong.
    public let code: Code

    private init(_ code: Code) {
        self.code = code
    }

    /// The code's name.
    public var description: String { "message: \(self.code)" }

    /// See ``Code/malformedPlaintext``.
    public static let malformedPlaintext = Self(.malformedPlaintext)
    /// See ``Code/undecryptable``.
    public static let undecryptable = Self(.undecryptable)
    /// See ``Code/malformedLength``.
    public static let malformedLength = Self(.malformedLength)
    /// See ``Code/malformedPadding``.
    public static let malformedPadding = Self(.malformedPadding)
    /// See ``Code/malformedBinding``.
    public static let malformedBinding = Self(.malformedBinding)
}
