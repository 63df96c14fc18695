// SPDX-License-Identifier: Apache-2.0

public import NIOCore

/// Tells the server about the client, around its first query.
///
/// `initConnection#c1cd5ea9 {X:Type} flags:# api_id:int device_model:string system_version:string app_version:string
/// system_lang_code:string lang_pack:string lang_code:string proxy:flags.0?InputClientProxy params:flags.1?JSONValue
/// query:!X = X`
///
/// Specification: *Calling API Methods*.
public struct InitConnection: TLMethod, Hashable {
    /// Whatever the query asks for.
    public typealias Result = ByteBuffer

    /// `initConnection`.
    public static let constructor: UInt32 = 0xc1cd_5ea9

    /// The application's number.
    public var apiIdentifier: Int32
    /// The device.
    public var deviceModel: String
    /// The operating system.
    public var systemVersion: String
    /// The application's version.
    public var applicationVersion: String
    /// The language of the system.
    public var systemLanguageCode: String
    /// The language pack; may be empty.
    public var languagePack: String
    /// The language of the application.
    public var languageCode: String
    /// The MTProxy in use.
    public var proxy: InputClientProxy?
    /// Anything else, such as `tz_offset`.
    public var parameters: JSONValue?
    /// The boxed query, as it stands on the wire.
    public var query: ByteBuffer

    /// Makes the value from its fields.
    public init(
        apiIdentifier: Int32,
        deviceModel: String,
        systemVersion: String,
        applicationVersion: String,
        systemLanguageCode: String,
        languagePack: String,
        languageCode: String,
        proxy: InputClientProxy? = nil,
        parameters: JSONValue? = nil,
        query: ByteBuffer
    ) {
        self.apiIdentifier = apiIdentifier
        self.deviceModel = deviceModel
        self.systemVersion = systemVersion
        self.applicationVersion = applicationVersion
        self.systemLanguageCode = systemLanguageCode
        self.languagePack = languagePack
        self.languageCode = languageCode
        self.proxy = proxy
        self.parameters = parameters
        self.query = query
    }

    /// Reads the fields that follow the constructor.
    public init(fields reader: inout TLReader) throws(TLError) {
        let flags = try reader.readUInt32()
        self.apiIdentifier = try reader.readInt32()
        self.deviceModel = try reader.readString()
        self.systemVersion = try reader.readString()
        self.applicationVersion = try reader.readString()
        self.systemLanguageCode = try reader.readString()
        self.languagePack = try reader.readString()
        self.languageCode = try reader.readString()
        self.proxy = flags & 1 << 0 != 0 ? try InputClientProxy.read(from: &reader) : nil
        self.parameters = flags & 1 << 1 != 0 ? try JSONValue.read(from: &reader) : nil
        self.query = reader.readRemaining()
    }

    /// Writes the fields that follow the constructor.
    public func writeFields(to buffer: inout ByteBuffer) {
        buffer.writeTLUInt32((self.proxy == nil ? 0 : 1 << 0) | (self.parameters == nil ? 0 : 1 << 1))
        buffer.writeTLInt32(self.apiIdentifier)
        buffer.writeTLBytes(self.deviceModel)
        buffer.writeTLBytes(self.systemVersion)
        buffer.writeTLBytes(self.applicationVersion)
        buffer.writeTLBytes(self.systemLanguageCode)
        buffer.writeTLBytes(self.languagePack)
        buffer.writeTLBytes(self.languageCode)
        self.proxy?.write(to: &buffer)
        self.parameters?.write(to: &buffer)
        buffer.writeImmutableBuffer(self.query)
    }

    /// Takes the answer of the query.
    public static func readResult(_ reader: inout TLReader) throws(TLError) -> ByteBuffer {
        reader.readRemaining()
    }
}
