// SPDX-License-Identifier: Apache-2.0

/// The salts that a client knows, and which of them is right at a time.
struct SaltStore: Sendable {
    /// A salt is preferred only when it has been valid for so long, because the server's clock may be a little behind what
    /// the client takes for it; the one before is accepted for 1800 s more.
    private static let marginSeconds: Int64 = 60
    /// How long a salt of unknown validity is taken to be valid.
    private static let assumedSeconds: Int64 = 1800
    /// How much time the known salts must still cover, or more of them are asked for.
    static let coverSeconds: Int64 = 3600
    /// As many as one `get_future_salts` may bring.
    private static let maximumCount = 64

    /// Sorted by the beginning of validity.
    private(set) var salts: [ServerSalt]

    init(_ salts: [ServerSalt]) {
        self.salts = Self.normalized(salts)
    }

    /// The salt for a message sent now: the newest that has begun, or else the best guess, which the server corrects.
    func current(at seconds: Int64) -> UInt64 {
        var fallback: UInt64?
        for salt in self.salts.reversed() where Int64(salt.validSince) <= seconds {
            if Int64(salt.validSince) + Self.marginSeconds <= seconds {
                // An older one that is still valid is better than a newer one that may be valid already.
                guard let fallback, Int64(salt.validUntil) <= seconds else { return salt.salt }
                return fallback
            }
            fallback = fallback ?? salt.salt
        }
        return fallback ?? self.salts.first?.salt ?? 0
    }

    /// Takes the salt that the server says is right now. Those that claimed to be are forgotten.
    ///
    /// - Returns: Whether anything changed.
    mutating func adopt(_ salt: UInt64, at seconds: Int64) -> Bool {
        guard self.current(at: seconds) != salt || self.salts.isEmpty else { return false }
        let known = self.salts.first { $0.salt == salt }
        let until = max(known.map { Int64($0.validUntil) } ?? 0, seconds + Self.assumedSeconds)
        self.salts.removeAll { Int64($0.validSince) <= seconds || $0.salt == salt }
        let adopted = ServerSalt(
            validSince: Int32(clamping: seconds - Self.marginSeconds),
            validUntil: Int32(clamping: until),
            salt: salt
        )
        self.salts.insert(adopted, at: 0)
        return true
    }

    /// Takes the answer to `get_future_salts`. The salt in use stays if the answer has none for the time now.
    mutating func replace(with future: [FutureSalt], at seconds: Int64) {
        let current = self.salts.last { Int64($0.validSince) <= seconds }
        var salts = future.prefix(Self.maximumCount).map {
            ServerSalt(validSince: $0.validSince, validUntil: $0.validUntil, salt: $0.salt)
        }
        guard !salts.isEmpty else { return }
        if let current, !salts.contains(where: { Int64($0.validSince) + Self.marginSeconds <= seconds }),
            !salts.contains(where: { $0.salt == current.salt })
        {
            salts.append(current)
        }
        self.salts = Self.normalized(salts)
    }

    /// The end of the time that the known salts cover, in seconds of server time.
    var coveredUntil: Int64 {
        self.salts.last.map { Int64($0.validUntil) } ?? 0
    }

    /// Foreign salts may come in any order and may make no sense.
    private static func normalized(_ salts: [ServerSalt]) -> [ServerSalt] {
        salts.filter { $0.validSince < $0.validUntil }.sorted { $0.validSince < $1.validSince }
    }
}
