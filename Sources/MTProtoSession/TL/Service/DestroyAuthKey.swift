// SPDX-License-Identifier: Apache-2.0

public import NIOCore

/// Asks the server to forget the key that encrypts this message.
///
/// `destroy_auth_key#d1435160 = DestroyAuthKeyRes`
///
/// Specification: *Service Messages*.
public struct DestroyAuthKey: TLMethod, Hashable {
    /// What the peer answers with.
    public typealias Result = DestroyAuthKeyResult

    /// `destroy_auth_key`.
    public static let constructor: UInt32 = 0xd143_5160

    /// Makes the value; it has no fields.
    public init() {}

    /// Reads the fields that follow the constructor.
    public init(fields reader: inout TLReader) throws(TLError) {}

    /// Writes the fields that follow the constructor.
    public func writeFields(to buffer: inout ByteBuffer) {}

    /// Reads the answer.
    public static func readResult(_ reader: inout TLReader) throws(TLError) -> DestroyAuthKeyResult {
        try DestroyAuthKeyResult.read(from: &reader)
    }
}

/// The key is gone.
///
/// `destroy_auth_key_ok#f660e1d4 = DestroyAuthKeyRes`
///
/// Specification: *Service Messages*.
public struct DestroyAuthKeyOK: TLObject, Hashable {
    /// `destroy_auth_key_ok`.
    public static let constructor: UInt32 = 0xf660_e1d4

    /// Makes the value; it has no fields.
    public init() {}

    /// Reads the fields that follow the constructor.
    public init(fields reader: inout TLReader) throws(TLError) {}

    /// Writes the fields that follow the constructor.
    public func writeFields(to buffer: inout ByteBuffer) {}
}

/// There was no such key.
///
/// `destroy_auth_key_none#0a9f2259 = DestroyAuthKeyRes`
///
/// Specification: *Service Messages*.
public struct DestroyAuthKeyNone: TLObject, Hashable {
    /// `destroy_auth_key_none`.
    public static let constructor: UInt32 = 0x0a9f_2259

    /// Makes the value; it has no fields.
    public init() {}

    /// Reads the fields that follow the constructor.
    public init(fields reader: inout TLReader) throws(TLError) {}

    /// Writes the fields that follow the constructor.
    public func writeFields(to buffer: inout ByteBuffer) {}
}

/// The key stays.
///
/// `destroy_auth_key_fail#ea109b13 = DestroyAuthKeyRes`
///
/// Specification: *Service Messages*.
public struct DestroyAuthKeyFail: TLObject, Hashable {
    /// `destroy_auth_key_fail`.
    public static let constructor: UInt32 = 0xea10_9b13

    /// Makes the value; it has no fields.
    public init() {}

    /// Reads the fields that follow the constructor.
    public init(fields reader: inout TLReader) throws(TLError) {}

    /// Writes the fields that follow the constructor.
    public func writeFields(to buffer: inout ByteBuffer) {}
}

/// The answer to ``DestroyAuthKey``, bare or in an ``RPCResult``.
///
/// Specification: *Service Messages*.
public enum DestroyAuthKeyResult: TLBoxed, Hashable {
    /// The key is gone.
    case ok(DestroyAuthKeyOK)
    /// There was no such key.
    case none(DestroyAuthKeyNone)
    /// The key stays.
    case fail(DestroyAuthKeyFail)

    /// Reads the constructor and then the fields of the case that it names.
    public static func read(from reader: inout TLReader) throws(TLError) -> Self {
        let constructor = try reader.readConstructor()
        switch constructor {
        case DestroyAuthKeyOK.constructor: return .ok(try DestroyAuthKeyOK(fields: &reader))
        case DestroyAuthKeyNone.constructor: return .none(try DestroyAuthKeyNone(fields: &reader))
        case DestroyAuthKeyFail.constructor: return .fail(try DestroyAuthKeyFail(fields: &reader))
        default: throw .unexpectedConstructor(constructor)
        }
    }

    /// Writes the constructor and the fields.
    public func write(to buffer: inout ByteBuffer) {
        switch self {
        case .ok(let value): value.write(to: &buffer)
        case .none(let value): value.write(to: &buffer)
        case .fail(let value): value.write(to: &buffer)
        }
    }
}
