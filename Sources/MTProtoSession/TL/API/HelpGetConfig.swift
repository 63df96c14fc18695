// SPDX-License-Identifier: Apache-2.0

public import NIOCore

/// Asks for the configuration: the usual first query of a connection.
///
/// `help.getConfig#c4f9186b = Config`
///
/// Specification: *TL schema of the API*.
public struct HelpGetConfig: TLMethod, Hashable {
    /// What the peer answers with.
    public typealias Result = Config

    /// `help.getConfig`.
    public static let constructor: UInt32 = 0xc4f9_186b

    /// Makes the value; it has no fields.
    public init() {}

    /// Reads the fields that follow the constructor.
    public init(fields reader: inout TLReader) throws(TLError) {}

    /// Writes the fields that follow the constructor.
    public func writeFields(to buffer: inout ByteBuffer) {}

    /// Reads the answer.
    public static func readResult(_ reader: inout TLReader) throws(TLError) -> Config {
        try Config.read(from: &reader)
    }
}
