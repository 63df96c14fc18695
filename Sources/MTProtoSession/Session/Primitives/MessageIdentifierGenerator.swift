// SPDX-License-Identifier: Apache-2.0

public import MTProtoTransport

/// Makes the message identifiers of one side of a session: server time in units of 2⁻³² seconds, strictly increasing.
///
/// The lowest two bits tell the sender: 0 for a client, 1 for a server that answers a message, 3 for a server otherwise.
///
/// Specification: *Mobile Protocol: Detailed Description*, "Message Identifier (msg_id)".
public struct MessageIdentifierGenerator: Sendable {
    private let role: Role
    /// The last identifier without its lowest two bits.
    package private(set) var last: UInt64 = 0

    /// Makes a generator for one side of a new session.
    public init(role: Role) {
        self.role = role
    }

    /// Makes a generator that goes on after another one.
    package init(role: Role, last: UInt64) {
        self.role = role
        self.last = min(last, Self.highestRestored) & ~3
    }

    /// So far from the end that no later identifier overflows.
    package static let highestRestored: UInt64 = 0xFFFF_FFFE_FFFF_FFFF

    /// The next identifier.
    ///
    /// - Parameters:
    ///   - serverNanoseconds: Nanoseconds since 1970 in the server's time. Should the clock go back, identifiers go on from
    ///     the last one in steps of 4.
    ///   - isResponse: Whether a server's message answers a message of the client; a client's identifiers do not differ.
    public mutating func next(serverNanoseconds: Int64, isResponse: Bool = false) -> UInt64 {
        var identifier = max(self.last &+ 4, Self.identifier(atNanoseconds: serverNanoseconds))
        // The fraction of the second must not be zero.
        if identifier & 0xFFFF_FFFF == 0 { identifier &+= 4 }
        self.last = identifier
        switch self.role {
        case .client: return identifier
        case .server: return identifier | (isResponse ? 1 : 3)
        }
    }

    /// Forgets the last identifier, so that the next may be lower: only together with a new session.
    public mutating func restart() {
        self.last = 0
    }

    /// The time that an identifier tells, in whole seconds since 1970.
    public static func seconds(of identifier: UInt64) -> Int64 {
        Int64(identifier >> 32)
    }

    /// The time that an identifier tells, in nanoseconds since 1970 (0 … about 4.3 · 10¹⁸).
    public static func nanoseconds(of identifier: UInt64) -> Int64 {
        Int64(identifier >> 32) * 1_000_000_000 + Int64(((identifier & 0xFFFF_FFFF) * 1_000_000_000) >> 32)
    }

    /// The lowest identifier of a moment, with the two lowest bits clear.
    package static func identifier(atNanoseconds nanoseconds: Int64) -> UInt64 {
        let (seconds, fraction) = UInt64(max(nanoseconds, 0)).quotientAndRemainder(dividingBy: 1_000_000_000)
        return (min(seconds, 0xFFFF_FFFE) << 32 | (fraction << 32) / 1_000_000_000) & ~3
    }
}
