// SPDX-License-Identifier: Apache-2.0

public import MTProtoCrypto

/// What of a session outlives the process: the authorization key, the salts, and the difference of the clocks.
///
/// A session itself is not continued after a restart: the next one takes a new session identifier. The encoded form holds
/// the key: keep it as secret as a password.
public struct SavedSession: Hashable, Sendable, Codable {
    /// The authorization key.
    public var authorizationKey: AuthorizationKey
    /// The salts known, sorted by the beginning of their validity.
    public var salts: [ServerSalt]
    /// The server's clock minus the local wall clock in nanoseconds; nil if the server's time is not known.
    public var timeOffsetNanoseconds: Int64?

    /// Makes a state to start a session from.
    public init(authorizationKey: AuthorizationKey, salts: [ServerSalt] = [], timeOffsetNanoseconds: Int64? = nil) {
        self.authorizationKey = authorizationKey
        self.salts = salts
        self.timeOffsetNanoseconds = timeOffsetNanoseconds
    }
}

extension SavedSession: CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable {
    /// How many salts there are and the difference of the clocks; neither the key nor a salt.
    public var description: String {
        let offset = self.timeOffsetNanoseconds.map { "\($0 / 1_000_000) ms" } ?? "unknown"
        return "SavedSession(salts: \(self.salts.count), time offset: \(offset))"
    }

    /// The same as ``description``.
    public var debugDescription: String { self.description }

    /// Without children, so that `dump` and test failures show no key either.
    public var customMirror: Mirror { Mirror(self, children: []) }
}
