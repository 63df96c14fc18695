// SPDX-License-Identifier: Apache-2.0

/// Which data centre a connection is for: its number, and whether the test environment or the media address is meant.
///
/// One signed integer carries it on the wire: 10 000 is added for the test environment, and the sign is negative for a
/// media data centre. Obfuscation holds it in two bytes, the key exchange in four.
///
/// Specification: *MTProto transports*, transport obfuscation; *Creating an Authorization Key*, `dc`.
public struct DataCenterIdentifier: Hashable, Sendable, Codable, CustomStringConvertible {
    /// The numbers that the encoding can tell apart: 1 to 9999.
    public static let numbers: ClosedRange<Int16> = 1...9999

    /// The data centre's number, 1 to 9999. Telegram's are 1 to 5; content delivery uses 203.
    public let number: Int16
    /// Whether the data centre belongs to the test environment.
    public let isTest: Bool
    /// Whether the address for media is meant.
    public let isMedia: Bool

    /// Names a data centre.
    ///
    /// - Precondition: `number` lies in ``numbers``. Numbers that come from outside go through ``init(encoded:)``.
    public init(_ number: Int16, isTest: Bool = false, isMedia: Bool = false) {
        precondition(Self.numbers.contains(number), "data centre number out of range")
        self.number = number
        self.isTest = isTest
        self.isMedia = isMedia
    }

    /// Names a data centre; same as ``init(_:isTest:isMedia:)`` with the first label written out.
    public init(number: Int16, isTest: Bool = false, isMedia: Bool = false) {
        self.init(number, isTest: isTest, isMedia: isMedia)
    }

    /// Reads the integer of the wire.
    ///
    /// - Parameter encoded: The signed value of any width, as it stood on the wire.
    /// - Returns: `nil` when the value names no data centre (0, ±10 000, or beyond ±19 999).
    public init?(encoded: some BinaryInteger & Sendable) {
        let magnitude = encoded.magnitude
        guard magnitude <= 19_999 else { return nil }
        let value = Int16(magnitude)
        let isTest = value >= 10_000
        let number = isTest ? value - 10_000 : value
        guard Self.numbers.contains(number) else { return nil }
        self.init(number, isTest: isTest, isMedia: encoded < 0)
    }

    /// The integer of the wire: −19 999…−1 or 1…19 999.
    public var encoded: Int16 {
        let value = self.isTest ? self.number + 10_000 : self.number
        return self.isMedia ? -value : value
    }

    /// Decodes the integer of the wire.
    public init(from decoder: any Decoder) throws {
        let container = try decoder.singleValueContainer()
        let value = try container.decode(Int16.self)
        guard let identifier = DataCenterIdentifier(encoded: value) else {
            throw DecodingError.dataCorruptedError(in: container, debugDescription: "no data centre has this number")
        }
        self = identifier
    }

    /// Encodes the integer of the wire.
    public func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(self.encoded)
    }

    /// For example `2`, `test 2` or `media 4`.
    public var description: String {
        "\(self.isTest ? "test " : "")\(self.isMedia ? "media " : "")\(self.number)"
    }
}
