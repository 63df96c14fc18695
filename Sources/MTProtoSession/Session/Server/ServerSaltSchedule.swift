// SPDX-License-Identifier: Apache-2.0

public import MTProtoCrypto

/// The server salts of one authorization key for all times, computed instead of stored.
///
/// A salt lasts 30 minutes from the key's creation on and is accepted for 30 minutes more. The first one is that of the key
/// exchange, the others follow from a secret seed and their number.
///
/// Specification: *Mobile Protocol: Detailed Description*, "Server Salt"; *Service Messages*, "Request for several future
/// salts".
public struct ServerSaltSchedule: Hashable, Sendable, CustomStringConvertible {
    /// How long a salt is the current one: 1800 seconds.
    public static let intervalSeconds: Int64 = 1800
    /// How long a salt is accepted in all: 3600 seconds.
    public static let lifetimeSeconds: Int64 = 3600
    /// How many salts one `future_salts` lists at most: 64.
    public static let maximumFutureCount = 64

    private let initialSalt: UInt64
    private let createdAt: Int32
    private let seed: Bytes32

    /// Makes the schedule of a key.
    ///
    /// - Parameters:
    ///   - initialSalt: The salt that follows from the nonces of the key exchange.
    ///   - createdAt: When the key was made, in seconds since 1970.
    ///   - seed: 32 random bytes, secret and kept with the key.
    public init(initialSalt: UInt64, createdAt: Int32, seed: Bytes32) {
        self.initialSalt = initialSalt
        self.createdAt = createdAt
        self.seed = seed
    }

    /// Whether a message with this salt is accepted.
    ///
    /// - Parameters:
    ///   - salt: The salt of a received message.
    ///   - seconds: The server's time in seconds since 1970.
    public func isValid(_ salt: UInt64, at seconds: Int64) -> Bool {
        self.window(at: seconds).accepts(salt)
    }

    /// The salt for the server's own messages, and for `bad_server_salt`.
    ///
    /// - Parameter seconds: The server's time in seconds since 1970.
    public func current(at seconds: Int64) -> UInt64 {
        self.window(at: seconds).current
    }

    /// The current salt and those after it, with their times in seconds since 1970.
    ///
    /// - Parameters:
    ///   - count: How many; taken as the nearest of 1…64.
    ///   - seconds: The server's time in seconds since 1970.
    public func future(count: Int, at seconds: Int64) -> [FutureSalt] {
        let first = self.interval(at: seconds)
        return (0..<Int64(min(max(count, 1), Self.maximumFutureCount))).map { offset in
            let start = self.start(ofInterval: first + offset)
            return FutureSalt(
                validSince: Int32(truncatingIfNeeded: start),
                validUntil: Int32(truncatingIfNeeded: start + Self.lifetimeSeconds),
                salt: self.salt(ofInterval: first + offset)
            )
        }
    }

    /// The salts of one interval, so that a session need not compute them for each message.
    struct Window: Hashable, Sendable {
        /// When `current` is the current salt, in seconds since 1970.
        let seconds: Range<Int64>
        let current: UInt64
        let previous: UInt64

        func accepts(_ salt: UInt64) -> Bool {
            salt == self.current || salt == self.previous
        }
    }

    func window(at seconds: Int64) -> Window {
        let interval = self.interval(at: seconds)
        let start = self.start(ofInterval: interval)
        let current = self.salt(ofInterval: interval)
        return Window(
            seconds: (interval == 0 ? Int64.min : start)..<(start + Self.intervalSeconds),
            current: current,
            previous: interval == 0 ? current : self.salt(ofInterval: interval - 1)
        )
    }

    /// A clock that stands before the key's creation, or absurdly far behind it, gets the nearest interval.
    private func interval(at seconds: Int64) -> Int64 {
        let latest: Int64 = 1 << 40
        return max(min(max(seconds, 0), latest) - self.creationSeconds, 0) / Self.intervalSeconds
    }

    /// Times of 32 bits are read without sign: they go on after 2038.
    private var creationSeconds: Int64 {
        Int64(UInt32(bitPattern: self.createdAt))
    }

    private func start(ofInterval interval: Int64) -> Int64 {
        self.creationSeconds + interval * Self.intervalSeconds
    }

    private func salt(ofInterval interval: Int64) -> UInt64 {
        guard interval > 0 else { return self.initialSalt }
        let digest = self.seed.withUnsafeBytes { seed in
            withUnsafeBytes(of: interval.littleEndian) { number in
                sha256(seed, number)
            }
        }
        return digest.withUnsafeBytes { UInt64(littleEndian: $0.load(as: UInt64.self)) }
    }

    /// Tells nothing but the type: a seed is as secret as the salts that follow from it.
    public var description: String {
        "ServerSaltSchedule"
    }
}

extension ServerSaltSchedule: Codable {
    private enum CodingKeys: String, CodingKey {
        case initialSalt
        case createdAt
        case seed
    }

    /// Reads a saved schedule.
    public init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: CodingKeys.self)
        let bytes = try container.decode([UInt8].self, forKey: .seed)
        guard let seed = Bytes32(bytes) else {
            throw DecodingError.dataCorruptedError(
                forKey: .seed,
                in: container,
                debugDescription: "a seed has 32 bytes, not \(bytes.count)"
            )
        }
        self.init(
            initialSalt: try container.decode(UInt64.self, forKey: .initialSalt),
            createdAt: try container.decode(Int32.self, forKey: .createdAt),
            seed: seed
        )
    }

    /// Writes the schedule, its secret seed included.
    public func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: CodingKeys.self)
        try container.encode(self.initialSalt, forKey: .initialSalt)
        try container.encode(self.createdAt, forKey: .createdAt)
        try container.encode(self.seed.array, forKey: .seed)
    }
}
