// SPDX-License-Identifier: Apache-2.0

/// A transport error: a positive code, close to an HTTP status, which the wire carries as one negative 32-bit integer.
///
/// Nothing authenticates a transport error: anyone on the path can inject one.
///
/// Specification: *MTProto transports*, transport errors.
public struct TransportErrorCode: RawRepresentable, Hashable, Sendable, CustomStringConvertible {
    /// The positive code, 1 to 2 147 483 647.
    public var rawValue: Int32

    /// Makes a code from its positive value.
    public init(rawValue: Int32) {
        self.rawValue = rawValue
    }

    /// 403: what HTTP would call forbidden.
    public static let forbidden = TransportErrorCode(rawValue: 403)
    /// 404: the authorization key is unknown, or a query of the key exchange was incorrect.
    public static let notFound = TransportErrorCode(rawValue: 404)
    /// 429: too many connections or too many messages in a short time.
    public static let flood = TransportErrorCode(rawValue: 429)
    /// 444: the data centre identifier is not one that this server serves.
    public static let invalidDataCenter = TransportErrorCode(rawValue: 444)

    /// The code that a word of the wire stands for; `nil` unless the word is in −2 147 483 647…−1.
    package init?(wireValue: Int32) {
        guard wireValue < 0, wireValue != Int32.min else { return nil }
        self.init(rawValue: -wireValue)
    }

    /// The word of the wire, or `nil` when the code is not positive and has none.
    package var wireValue: Int32? {
        self.rawValue > 0 ? -self.rawValue : nil
    }

    /// The code in decimal.
    public var description: String {
        "\(self.rawValue)"
    }
}
