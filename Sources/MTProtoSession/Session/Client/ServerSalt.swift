// SPDX-License-Identifier: Apache-2.0

/// A salt of the server with the time of its validity.
///
/// Specification: *Mobile Protocol: Detailed Description*, "Server Salt", and *Service Messages*, "Request for Several
/// Future Salts".
public struct ServerSalt: Hashable, Sendable, Codable {
    /// When it begins to be valid: seconds since 1970, server time.
    public var validSince: Int32
    /// When it ends to be valid: seconds since 1970, server time.
    public var validUntil: Int32
    /// The salt.
    public var salt: UInt64

    /// Makes a salt.
    public init(validSince: Int32, validUntil: Int32, salt: UInt64) {
        self.validSince = validSince
        self.validUntil = validUntil
        self.salt = salt
    }
}
