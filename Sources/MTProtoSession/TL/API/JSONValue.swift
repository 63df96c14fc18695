// SPDX-License-Identifier: Apache-2.0

public import NIOCore

/// A JSON value in TL.
///
/// Specification: *TL schema of the API*.
public indirect enum JSONValue: TLBoxed, Hashable {
    /// A name and a value of an object: `jsonObjectValue#c0de1bd9 key:string value:JSONValue = JSONObjectValue`.
    public struct Member: TLObject, Hashable {
        /// `jsonObjectValue`.
        public static let constructor: UInt32 = 0xc0de_1bd9

        /// The name.
        public var key: String
        /// The value.
        public var value: JSONValue

        /// Makes the member from its fields.
        public init(key: String, value: JSONValue) {
            self.key = key
            self.value = value
        }

        /// Reads the fields that follow the constructor.
        public init(fields reader: inout TLReader) throws(TLError) {
            self.key = try reader.readString()
            self.value = try JSONValue.read(from: &reader)
        }

        /// Writes the fields that follow the constructor.
        public func writeFields(to buffer: inout ByteBuffer) {
            buffer.writeTLBytes(self.key)
            self.value.write(to: &buffer)
        }
    }

    /// `jsonNull#3f6d7b68`
    case null
    /// `jsonBool#c7345e6a value:Bool`
    case bool(Bool)
    /// `jsonNumber#2be0dfa4 value:double`
    case number(Double)
    /// `jsonString#b71e767a value:string`
    case string(String)
    /// `jsonArray#f7444763 value:Vector<JSONValue>`
    case array([JSONValue])
    /// `jsonObject#99c1d49d value:Vector<JSONObjectValue>`; the order is kept.
    case object([Member])

    private enum Constructor {
        static let null: UInt32 = 0x3f6d_7b68
        static let bool: UInt32 = 0xc734_5e6a
        static let number: UInt32 = 0x2be0_dfa4
        static let string: UInt32 = 0xb71e_767a
        static let array: UInt32 = 0xf744_4763
        static let object: UInt32 = 0x99c1_d49d
    }

    /// Reads a value; the depth is bounded by the reader's.
    public static func read(from reader: inout TLReader) throws(TLError) -> JSONValue {
        switch try reader.readConstructor() {
        case Constructor.null: return .null
        case Constructor.bool: return .bool(try reader.readBool())
        case Constructor.number: return .number(try reader.readDouble())
        case Constructor.string: return .string(try reader.readString())
        case Constructor.array:
            return .array(
                try reader.nested { (reader) throws(TLError) in try reader.readVector(of: JSONValue.self) }
            )
        case Constructor.object:
            return .object(try reader.nested { (reader) throws(TLError) in try reader.readVector(of: Member.self) })
        case let other: throw .unexpectedConstructor(other)
        }
    }

    /// Writes the constructor and the value.
    public func write(to buffer: inout ByteBuffer) {
        switch self {
        case .null:
            buffer.writeTLUInt32(Constructor.null)
        case .bool(let value):
            buffer.writeTLUInt32(Constructor.bool)
            buffer.writeTLBool(value)
        case .number(let value):
            buffer.writeTLUInt32(Constructor.number)
            buffer.writeTLDouble(value)
        case .string(let value):
            buffer.writeTLUInt32(Constructor.string)
            buffer.writeTLBytes(value)
        case .array(let values):
            buffer.writeTLUInt32(Constructor.array)
            buffer.writeTLVector(values)
        case .object(let members):
            buffer.writeTLUInt32(Constructor.object)
            buffer.writeTLVector(members)
        }
    }
}
