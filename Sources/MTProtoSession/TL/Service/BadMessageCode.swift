// SPDX-License-Identifier: Apache-2.0

/// The `error_code` of ``BadMessageNotification`` and ``BadServerSalt``.
///
/// Specification: *Service Messages about Messages*, "Notice of Ignored Error Message".
public struct BadMessageCode: RawRepresentable, Hashable, Sendable {
    /// The code on the wire.
    public var rawValue: Int32

    /// Makes a code, known or not.
    public init(rawValue: Int32) {
        self.rawValue = rawValue
    }

    /// 16: the message identifier is too low; the sender's clock is slow.
    public static let identifierTooLow = Self(rawValue: 16)
    /// 17: the message identifier is too high; the sender's clock is fast.
    public static let identifierTooHigh = Self(rawValue: 17)
    /// 18: the identifier's two low bits are wrong.
    public static let identifierParity = Self(rawValue: 18)
    /// 19: a container has the identifier of an earlier message.
    public static let containerIdentifierRepeated = Self(rawValue: 19)
    /// 20: the message is too old to know whether it was received.
    public static let tooOld = Self(rawValue: 20)
    /// 32: the sequence number is too low.
    public static let sequenceNumberTooLow = Self(rawValue: 32)
    /// 33: the sequence number is too high.
    public static let sequenceNumberTooHigh = Self(rawValue: 33)
    /// 34: an even sequence number was expected.
    public static let evenSequenceNumberExpected = Self(rawValue: 34)
    /// 35: an odd sequence number was expected.
    public static let oddSequenceNumberExpected = Self(rawValue: 35)
    /// 48: the salt is wrong.
    public static let wrongSalt = Self(rawValue: 48)
    /// 64: the container is invalid.
    public static let invalidContainer = Self(rawValue: 64)
}
