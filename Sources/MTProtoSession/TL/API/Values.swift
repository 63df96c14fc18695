// SPDX-License-Identifier: Apache-2.0

public import NIOCore

/// The boxed value `true`.
///
/// `true#3fedd339 = True`
///
/// Specification: *TL schema of the API*.
public struct True: TLObject, Hashable {
    /// `true`.
    public static let constructor: UInt32 = 0x3fed_d339

    /// Makes the value; it has no fields.
    public init() {}

    /// Reads the fields that follow the constructor.
    public init(fields reader: inout TLReader) throws(TLError) {}

    /// Writes the fields that follow the constructor.
    public func writeFields(to buffer: inout ByteBuffer) {}
}

/// The boxed value `null`.
///
/// `null#56730bcc = Null`
///
/// Specification: *TL schema of the API*.
public struct Null: TLObject, Hashable {
    /// `null`.
    public static let constructor: UInt32 = 0x5673_0bcc

    /// Makes the value; it has no fields.
    public init() {}

    /// Reads the fields that follow the constructor.
    public init(fields reader: inout TLReader) throws(TLError) {}

    /// Writes the fields that follow the constructor.
    public func writeFields(to buffer: inout ByteBuffer) {}
}

/// The smallest of all updates: there is too much to tell, ask for the difference.
///
/// `updatesTooLong#e317af7e = Updates`
///
/// Specification: *TL schema of the API*.
public struct UpdatesTooLong: TLObject, Hashable {
    /// `updatesTooLong`.
    public static let constructor: UInt32 = 0xe317_af7e

    /// Makes the value; it has no fields.
    public init() {}

    /// Reads the fields that follow the constructor.
    public init(fields reader: inout TLReader) throws(TLError) {}

    /// Writes the fields that follow the constructor.
    public func writeFields(to buffer: inout ByteBuffer) {}
}

/// A new list of data centre options.
///
/// `updateDcOptions#8e5e9873 dc_options:Vector<DcOption> = Update`
///
/// Specification: *TL schema of the API*.
public struct UpdateDataCenterOptions: TLObject, Hashable {
    /// `updateDcOptions`.
    public static let constructor: UInt32 = 0x8e5e_9873

    /// The options, replacing those known.
    public var options: [DataCenterOption]

    /// Makes the value from its fields.
    public init(options: [DataCenterOption]) {
        self.options = options
    }

    /// Reads the fields that follow the constructor.
    public init(fields reader: inout TLReader) throws(TLError) {
        self.options = try reader.readVector(of: DataCenterOption.self)
    }

    /// Writes the fields that follow the constructor.
    public func writeFields(to buffer: inout ByteBuffer) {
        buffer.writeTLVector(self.options)
    }
}
