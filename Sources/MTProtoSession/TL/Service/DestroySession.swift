// SPDX-License-Identifier: Apache-2.0

public import NIOCore

/// Asks the server to forget another session of the same key.
///
/// `destroy_session#e7512126 session_id:long = DestroySessionRes`
///
/// Specification: *Service Messages*.
public struct DestroySession: TLMethod, Hashable {
    /// What the peer answers with.
    public typealias Result = DestroySessionResult

    /// `destroy_session`.
    public static let constructor: UInt32 = 0xe751_2126

    /// The session.
    public var sessionIdentifier: UInt64

    /// Makes the value from its fields.
    public init(sessionIdentifier: UInt64) {
        self.sessionIdentifier = sessionIdentifier
    }

    /// Reads the fields that follow the constructor.
    public init(fields reader: inout TLReader) throws(TLError) {
        self.sessionIdentifier = try reader.readUInt64()
    }

    /// Writes the fields that follow the constructor.
    public func writeFields(to buffer: inout ByteBuffer) {
        buffer.writeTLUInt64(self.sessionIdentifier)
    }

    /// Reads the answer.
    public static func readResult(_ reader: inout TLReader) throws(TLError) -> DestroySessionResult {
        try DestroySessionResult.read(from: &reader)
    }
}

/// The session is gone.
///
/// `destroy_session_ok#e22045fc session_id:long = DestroySessionRes`
///
/// Specification: *Service Messages*.
public struct DestroySessionOK: TLObject, Hashable {
    /// `destroy_session_ok`.
    public static let constructor: UInt32 = 0xe220_45fc

    /// The session.
    public var sessionIdentifier: UInt64

    /// Makes the value from its fields.
    public init(sessionIdentifier: UInt64) {
        self.sessionIdentifier = sessionIdentifier
    }

    /// Reads the fields that follow the constructor.
    public init(fields reader: inout TLReader) throws(TLError) {
        self.sessionIdentifier = try reader.readUInt64()
    }

    /// Writes the fields that follow the constructor.
    public func writeFields(to buffer: inout ByteBuffer) {
        buffer.writeTLUInt64(self.sessionIdentifier)
    }
}

/// There was no such session.
///
/// `destroy_session_none#62d350c9 session_id:long = DestroySessionRes`
///
/// Specification: *Service Messages*.
public struct DestroySessionNone: TLObject, Hashable {
    /// `destroy_session_none`.
    public static let constructor: UInt32 = 0x62d3_50c9

    /// The session.
    public var sessionIdentifier: UInt64

    /// Makes the value from its fields.
    public init(sessionIdentifier: UInt64) {
        self.sessionIdentifier = sessionIdentifier
    }

    /// Reads the fields that follow the constructor.
    public init(fields reader: inout TLReader) throws(TLError) {
        self.sessionIdentifier = try reader.readUInt64()
    }

    /// Writes the fields that follow the constructor.
    public func writeFields(to buffer: inout ByteBuffer) {
        buffer.writeTLUInt64(self.sessionIdentifier)
    }
}

/// The answer to ``DestroySession``.
///
/// Specification: *Service Messages*.
public enum DestroySessionResult: TLBoxed, Hashable {
    /// It existed and is gone.
    case ok(DestroySessionOK)
    /// It did not exist.
    case none(DestroySessionNone)

    /// Reads the constructor and then the fields of the case that it names.
    public static func read(from reader: inout TLReader) throws(TLError) -> Self {
        let constructor = try reader.readConstructor()
        switch constructor {
        case DestroySessionOK.constructor: return .ok(try DestroySessionOK(fields: &reader))
        case DestroySessionNone.constructor: return .none(try DestroySessionNone(fields: &reader))
        default: throw .unexpectedConstructor(constructor)
        }
    }

    /// Writes the constructor and the fields.
    public func write(to buffer: inout ByteBuffer) {
        switch self {
        case .ok(let value): value.write(to: &buffer)
        case .none(let value): value.write(to: &buffer)
        }
    }
}
