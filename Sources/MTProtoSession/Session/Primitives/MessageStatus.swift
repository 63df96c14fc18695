// SPDX-License-Identifier: Apache-2.0

/// What one side knows about a message of the other: one byte of `msgs_state_info`.
///
/// The lowest three bits are a value of 1…4, the others are flags.
///
/// Specification: *Service Messages about Messages*, "Informational Message regarding Status of Messages".
public struct MessageStatus: RawRepresentable, Hashable, Sendable {
    /// The byte on the wire.
    public var rawValue: UInt8

    /// Takes the byte of the wire.
    public init(rawValue: UInt8) {
        self.rawValue = rawValue
    }

    /// 1: nothing is known, the identifier is lower than all that are remembered.
    public static let unknown = MessageStatus(rawValue: 1)
    /// 2: not received, although the identifier lies within those remembered.
    public static let notReceived = MessageStatus(rawValue: 2)
    /// 3: not received, the identifier is higher than all received.
    public static let notYetReceived = MessageStatus(rawValue: 3)
    /// 4: received.
    public static let received = MessageStatus(rawValue: 4)

    /// +8: an acknowledgement was sent.
    public static let acknowledged = MessageStatus(rawValue: 8)
    /// +16: the message needs no acknowledgement.
    public static let needsNoAcknowledgement = MessageStatus(rawValue: 16)
    /// +32: a query that is being processed or was.
    public static let isQuery = MessageStatus(rawValue: 32)
    /// +64: a content-related answer exists.
    public static let isAnswered = MessageStatus(rawValue: 64)
    /// +128: the other side knows that the message was received.
    public static let isKnownToBeReceived = MessageStatus(rawValue: 128)

    /// Whether the message arrived: the value in the lowest three bits is 4.
    public var isReceived: Bool {
        self.rawValue & 7 == 4
    }

    /// Whether all bits of `other` are set here.
    public func contains(_ other: MessageStatus) -> Bool {
        self.rawValue & other.rawValue == other.rawValue
    }

    /// Sets the bits of `other` as well.
    public mutating func formUnion(_ other: MessageStatus) {
        self.rawValue |= other.rawValue
    }

    /// Both sets of bits.
    public func union(_ other: MessageStatus) -> MessageStatus {
        MessageStatus(rawValue: self.rawValue | other.rawValue)
    }
}
