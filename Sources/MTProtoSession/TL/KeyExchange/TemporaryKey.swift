// SPDX-License-Identifier: Apache-2.0

public import NIOCore

/// What ``BindTemporaryAuthKey`` carries under the permanent key.
///
/// `bind_auth_key_inner#75a3f765 nonce:long temp_auth_key_id:long perm_auth_key_id:long temp_session_id:long
/// expires_at:int = BindAuthKeyInner`
///
/// Specification: *Perfect Forward Secrecy*.
public struct BindAuthKeyInner: TLObject, Hashable {
    /// `bind_auth_key_inner`.
    public static let constructor: UInt32 = 0x75a3_f765

    /// A random number, repeated by the call.
    public var nonce: Int64

    /// The key that is bound.
    public var temporaryKeyIdentifier: UInt64

    /// The key that it is bound to.
    public var permanentKeyIdentifier: UInt64

    /// The session that the call is sent in.
    public var temporarySessionIdentifier: UInt64

    /// When the temporary key ends, server time in seconds since 1970.
    public var expiresAt: Int32

    /// Makes the value from its fields.
    public init(
        nonce: Int64,
        temporaryKeyIdentifier: UInt64,
        permanentKeyIdentifier: UInt64,
        temporarySessionIdentifier: UInt64,
        expiresAt: Int32
    ) {
        self.nonce = nonce
        self.temporaryKeyIdentifier = temporaryKeyIdentifier
        self.permanentKeyIdentifier = permanentKeyIdentifier
        self.temporarySessionIdentifier = temporarySessionIdentifier
        self.expiresAt = expiresAt
    }

    /// Reads the fields that follow the constructor.
    public init(fields reader: inout TLReader) throws(TLError) {
        self.nonce = try reader.readInt64()
        self.temporaryKeyIdentifier = try reader.readUInt64()
        self.permanentKeyIdentifier = try reader.readUInt64()
        self.temporarySessionIdentifier = try reader.readUInt64()
        self.expiresAt = try reader.readInt32()
    }

    /// Writes the fields that follow the constructor.
    public func writeFields(to buffer: inout ByteBuffer) {
        buffer.writeTLInt64(self.nonce)
        buffer.writeTLUInt64(self.temporaryKeyIdentifier)
        buffer.writeTLUInt64(self.permanentKeyIdentifier)
        buffer.writeTLUInt64(self.temporarySessionIdentifier)
        buffer.writeTLInt32(self.expiresAt)
    }
}

/// Binds a temporary authorization key to a permanent one.
///
/// `auth.bindTempAuthKey#cdd42a05 perm_auth_key_id:long nonce:long expires_at:int encrypted_message:bytes = Bool`
///
/// Specification: *Perfect Forward Secrecy*.
public struct BindTemporaryAuthKey: TLMethod, Hashable {
    /// What the peer answers with.
    public typealias Result = Bool

    /// `auth.bindTempAuthKey`.
    public static let constructor: UInt32 = 0xcdd4_2a05

    /// The permanent key.
    public var permanentKeyIdentifier: UInt64

    /// The nonce of the inner message.
    public var nonce: Int64

    /// When the temporary key ends, server time in seconds since 1970.
    public var expiresAt: Int32

    /// 104 bytes: ``BindAuthKeyInner`` under MTProto 1.0 with the permanent key.
    public var encryptedMessage: [UInt8]

    /// Makes the value from its fields.
    public init(permanentKeyIdentifier: UInt64, nonce: Int64, expiresAt: Int32, encryptedMessage: [UInt8]) {
        self.permanentKeyIdentifier = permanentKeyIdentifier
        self.nonce = nonce
        self.expiresAt = expiresAt
        self.encryptedMessage = encryptedMessage
    }

    /// Reads the fields that follow the constructor.
    public init(fields reader: inout TLReader) throws(TLError) {
        self.permanentKeyIdentifier = try reader.readUInt64()
        self.nonce = try reader.readInt64()
        self.expiresAt = try reader.readInt32()
        self.encryptedMessage = try reader.readByteArray()
    }

    /// Writes the fields that follow the constructor.
    public func writeFields(to buffer: inout ByteBuffer) {
        buffer.writeTLUInt64(self.permanentKeyIdentifier)
        buffer.writeTLInt64(self.nonce)
        buffer.writeTLInt32(self.expiresAt)
        buffer.writeTLBytes(self.encryptedMessage)
    }

    /// Reads the answer.
    public static func readResult(_ reader: inout TLReader) throws(TLError) -> Bool {
        try reader.readBool()
    }
}
