// SPDX-License-Identifier: Apache-2.0

internal import MTProtoCrypto
public import MTProtoSession
public import MTProtoTransport

/// What a client keeps of a connection so that the next one needs no key exchange.
///
/// It holds authorization keys: whoever reads it can act as the client. Its description shows nothing of them.
public struct SavedConnection: Sendable, Codable, CustomStringConvertible {
    /// The data centre that the keys belong to.
    public var dataCenter: DataCenterIdentifier
    /// The permanent key, its salts and the time offset.
    public var permanent: SavedSession
    /// The temporary key, when the session ran under one.
    public var temporary: Temporary?

    /// A temporary key.
    public struct Temporary: Sendable, Codable, CustomStringConvertible {
        /// The key, its salts and the time offset.
        public var session: SavedSession
        /// Unix time in seconds, of the server, at which the key ends.
        public var expiresAt: Int32

        /// Makes a temporary key's state.
        public init(session: SavedSession, expiresAt: Int32) {
            self.session = session
            self.expiresAt = expiresAt
        }

        /// When the key ends; never the key.
        public var description: String { "temporary key until \(self.expiresAt)" }
    }

    /// Makes a saved connection.
    public init(dataCenter: DataCenterIdentifier, permanent: SavedSession, temporary: Temporary? = nil) {
        self.dataCenter = dataCenter
        self.permanent = permanent
        self.temporary = temporary
    }

    /// The data centre and the kinds of keys; never the keys.
    public var description: String {
        "saved connection to data centre \(self.dataCenter.encoded)\(self.temporary == nil ? "" : ", temporary key")"
    }
}

extension SavedSession {
    /// How long the first salt of a key is valid at least: salts rotate every 30 minutes.
    private static let saltLifetimeSeconds: Int64 = 1_800

    /// What a key exchange leaves behind.
    init(_ result: KeyExchangeResult, at now: SessionTime) {
        let seconds = (now.wallNanoseconds &+ result.timeOffsetNanoseconds) / 1_000_000_000
        self.init(
            authorizationKey: result.authorizationKey,
            salts: [
                ServerSalt(
                    validSince: Int32(clamping: seconds),
                    validUntil: Int32(clamping: seconds &+ Self.saltLifetimeSeconds),
                    salt: result.salt
                )
            ],
            timeOffsetNanoseconds: result.timeOffsetNanoseconds
        )
    }
}
