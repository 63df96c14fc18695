// SPDX-License-Identifier: Apache-2.0

public import MTProtoCrypto
public import NIOCore

/// What the client encrypts with the server's RSA key.
///
/// One type for the four constructors of `P_Q_inner_data`; which one, follows from the optional fields:
///
/// | ``dataCenter`` | ``expiresIn`` | constructor |
/// |---|---|---|
/// | set | nil | `p_q_inner_data_dc#a9f55f95` |
/// | set | set | `p_q_inner_data_temp_dc#56fddf88` |
/// | nil | nil | `p_q_inner_data#83c95aec` (older, still sent) |
/// | nil | set | `p_q_inner_data_temp#3c6a84d4` (older) |
///
/// Specification: *Creating an Authorization Key*.
public struct PQInnerData: TLBoxed, Hashable, CustomStringConvertible {
    /// The constructors of `P_Q_inner_data`, by their numbers.
    public enum Variant: UInt32, CaseIterable, Sendable {
        /// A permanent key, with the data centre.
        case dataCenter = 0xa9f5_5f95
        /// A temporary key, with the data centre.
        case temporaryDataCenter = 0x56fd_df88
        /// A permanent key.
        case plain = 0x83c9_5aec
        /// A temporary key.
        case temporary = 0x3c6a_84d4
    }

    /// pq, big endian.
    public var product: [UInt8]
    /// The smaller factor, big endian.
    public var p: [UInt8]
    /// The larger factor, big endian.
    public var q: [UInt8]
    /// The client's nonce.
    public var nonce: Bytes16
    /// The server's nonce.
    public var serverNonce: Bytes16
    /// The client's secret of this exchange.
    public var newNonce: Bytes32
    /// The data centre spoken to: plus 10 000 for a test one, negative for a media one.
    public var dataCenter: Int32?
    /// The life of a temporary key in seconds; nil for a permanent one.
    public var expiresIn: Int32?

    /// Makes the value from its fields.
    public init(
        product: [UInt8],
        p: [UInt8],
        q: [UInt8],
        nonce: Bytes16,
        serverNonce: Bytes16,
        newNonce: Bytes32,
        dataCenter: Int32?,
        expiresIn: Int32?
    ) {
        self.product = product
        self.p = p
        self.q = q
        self.nonce = nonce
        self.serverNonce = serverNonce
        self.newNonce = newNonce
        self.dataCenter = dataCenter
        self.expiresIn = expiresIn
    }

    /// The constructor that the optional fields ask for.
    public var variant: Variant {
        switch (self.dataCenter, self.expiresIn) {
        case (.some, nil): .dataCenter
        case (.some, .some): .temporaryDataCenter
        case (nil, nil): .plain
        case (nil, .some): .temporary
        }
    }

    /// Reads one of the four constructors and its fields.
    public static func read(from reader: inout TLReader) throws(TLError) -> PQInnerData {
        let constructor = try reader.readConstructor()
        guard let variant = Variant(rawValue: constructor) else { throw .unexpectedConstructor(constructor) }
        var value = PQInnerData(
            product: try reader.readByteArray(),
            p: try reader.readByteArray(),
            q: try reader.readByteArray(),
            nonce: try reader.readBytes16(),
            serverNonce: try reader.readBytes16(),
            newNonce: try reader.readBytes32(),
            dataCenter: nil,
            expiresIn: nil
        )
        if variant == .dataCenter || variant == .temporaryDataCenter { value.dataCenter = try reader.readInt32() }
        if variant == .temporary || variant == .temporaryDataCenter { value.expiresIn = try reader.readInt32() }
        return value
    }

    /// Writes the constructor of ``variant`` and the fields.
    public func write(to buffer: inout ByteBuffer) {
        buffer.writeTLUInt32(self.variant.rawValue)
        buffer.writeTLBytes(self.product)
        buffer.writeTLBytes(self.p)
        buffer.writeTLBytes(self.q)
        buffer.writeTLBytes16(self.nonce)
        buffer.writeTLBytes16(self.serverNonce)
        buffer.writeTLBytes32(self.newNonce)
        if let dataCenter = self.dataCenter { buffer.writeTLInt32(dataCenter) }
        if let expiresIn = self.expiresIn { buffer.writeTLInt32(expiresIn) }
    }

    /// The variant only: the rest is secret.
    public var description: String { "PQInnerData(\(self.variant))" }
}
