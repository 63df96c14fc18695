// SPDX-License-Identifier: Apache-2.0

/// Why a server refuses `auth.bindTempAuthKey`. The text is that of the RPC error, whose code is 400.
///
/// Specification: *Perfect Forward Secrecy*; *auth.bindTempAuthKey*, possible errors.
public enum TemporaryKeyBindingError: String, Error, Hashable, Sendable, CaseIterable, CustomStringConvertible {
    /// The encrypted message does not open, or does not match the call.
    case encryptedMessageInvalid = "ENCRYPTED_MESSAGE_INVALID"
    /// The temporary key is bound to another permanent key.
    case alreadyBound = "TEMP_AUTH_KEY_ALREADY_BOUND"
    /// The call came under a key that is not temporary.
    case notTemporary = "TEMP_AUTH_KEY_EMPTY"

    /// The RPC error's code.
    public static let code: Int32 = 400

    /// The RPC error's text.
    public var description: String { self.rawValue }
}

/// The checks of a server before it binds a temporary key to a permanent one: a pure function over the call and what
/// its encrypted message holds.
///
/// Specification: *Perfect Forward Secrecy*.
public struct TemporaryKeyBindingVerification: Hashable, Sendable {
    /// The temporary key under which the call came.
    public struct CarryingKey: Hashable, Sendable {
        /// The key's identifier.
        public var identifier: UInt64
        /// When the key ends, in seconds since 1970; nil for a permanent key.
        public var expiresAt: Int32?
        /// The permanent key that it is bound to already.
        public var boundTo: UInt64?

        /// Makes a value from its parts.
        public init(identifier: UInt64, expiresAt: Int32?, boundTo: UInt64?) {
            self.identifier = identifier
            self.expiresAt = expiresAt
            self.boundTo = boundTo
        }
    }

    /// What the encrypted message of the call holds.
    public struct Opened: Hashable, Sendable {
        /// The inner object.
        public var inner: BindAuthKeyInner
        /// The message identifier beside it.
        public var messageIdentifier: UInt64

        /// Makes a value from its parts.
        public init(inner: BindAuthKeyInner, messageIdentifier: UInt64) {
            self.inner = inner
            self.messageIdentifier = messageIdentifier
        }
    }

    /// The key under which the call came.
    public var carryingKey: CarryingKey
    /// The session in which the call came.
    public var sessionIdentifier: UInt64
    /// The identifier of the message that carries the call.
    public var messageIdentifier: UInt64

    /// Makes a value from what is known of the message that carries the call.
    public init(carryingKey: CarryingKey, sessionIdentifier: UInt64, messageIdentifier: UInt64) {
        self.carryingKey = carryingKey
        self.sessionIdentifier = sessionIdentifier
        self.messageIdentifier = messageIdentifier
    }

    /// Whether the key under which the call came can be bound to the permanent key that the call names. To be asked
    /// before anything is decrypted.
    public func checkKeys(_ call: BindTemporaryAuthKey) throws(TemporaryKeyBindingError) {
        guard self.carryingKey.expiresAt != nil else {
            throw .notTemporary
        }
        if let bound = self.carryingKey.boundTo, bound != call.permanentKeyIdentifier {
            throw .alreadyBound
        }
    }

    /// Checks everything that must agree.
    ///
    /// - Parameters:
    ///   - call: The call.
    ///   - opened: Its encrypted message, opened with the permanent key that the call names; nil if there is no such
    ///     permanent key, or the message does not open with it.
    ///   - now: Seconds since 1970 of the server's clock.
    /// - Returns: When the temporary key ends: at its own end, or at the one that the call names if that is earlier.
    public func verify(
        _ call: BindTemporaryAuthKey,
        opened: Opened?,
        at now: Int64
    ) throws(TemporaryKeyBindingError) -> Int32 {
        try self.checkKeys(call)
        guard let opened,
            opened.messageIdentifier == self.messageIdentifier,
            opened.inner.nonce == call.nonce,
            opened.inner.permanentKeyIdentifier == call.permanentKeyIdentifier,
            opened.inner.temporaryKeyIdentifier == self.carryingKey.identifier,
            opened.inner.temporarySessionIdentifier == self.sessionIdentifier,
            opened.inner.expiresAt == call.expiresAt
        else {
            throw .encryptedMessageInvalid
        }
        // Times of 32 bits are read without sign: they go on after 2038.
        let named = UInt32(bitPattern: call.expiresAt)
        let end = min(named, self.carryingKey.expiresAt.map { UInt32(bitPattern: $0) } ?? named)
        guard Int64(end) > now else {
            throw .encryptedMessageInvalid
        }
        return Int32(bitPattern: end)
    }
}
