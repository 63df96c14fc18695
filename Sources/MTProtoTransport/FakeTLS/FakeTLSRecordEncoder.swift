// SPDX-License-Identifier: Apache-2.0

public import NIOCore

/// Puts the bytes of a stream into the records of FakeTLS, behind the handshake, for either role.
///
/// Specification: none official; what MTProxy and its clients do.
public struct FakeTLSRecordEncoder: Sendable {
    /// The most bytes that are put before those of a record: a client's first time, 11.
    public static let headroom = TLSRecord.changeCipherSpec.count + TLSRecord.headerLength
    /// The lengths that a record may have, in bytes. A proxy wants the 64 bytes of the obfuscation in the first one.
    public static let maximumBodyLengths = 64...TLSRecord.maximumPlaintextLength
    /// What official clients send in one record.
    private static let clientBodyLength = 2878

    private let maximumBodyLength: Int
    private var announcesCipher: Bool

    /// Makes an encoder for what is sent behind the handshake.
    ///
    /// - Parameters:
    ///   - role: A client begins with ChangeCipherSpec.
    ///   - maximumBodyLength: The most bytes of the stream in one record, moved into ``maximumBodyLengths``. Without it what
    ///     official clients send, 2878, or what TLS allows, 16 384, for a server.
    public init(role: Role, maximumBodyLength: Int? = nil) {
        let length = maximumBodyLength ?? (role == .client ? Self.clientBodyLength : TLSRecord.maximumPlaintextLength)
        let lengths = Self.maximumBodyLengths
        self.maximumBodyLength = min(max(length, lengths.lowerBound), lengths.upperBound)
        self.announcesCipher = role == .client
    }

    /// Turns bytes of the stream into records.
    ///
    /// What fits one record gets its header in the ``headroom`` before it, without a copy if there is such; more is
    /// copied, once, with its headers between.
    ///
    /// - Parameter bytes: The readable bytes are the stream's before, the records after the call. No bytes stay none.
    public mutating func encode(_ bytes: inout ByteBuffer) {
        let count = bytes.readableBytes
        guard count > 0 else { return }
        let prefix = self.announcesCipher ? TLSRecord.changeCipherSpec : []
        self.announcesCipher = false
        guard count > self.maximumBodyLength else {
            bytes.prepend(prefix.count + TLSRecord.headerLength)
            bytes.setBytes(prefix + Self.header(length: count), at: bytes.readerIndex)
            return
        }
        let recordCount = (count + self.maximumBodyLength - 1) / self.maximumBodyLength
        var records = ByteBufferAllocator().buffer(
            capacity: prefix.count + count + recordCount * TLSRecord.headerLength
        )
        records.writeBytes(prefix)
        while bytes.readableBytes > 0,
            var body = bytes.readSlice(length: min(bytes.readableBytes, self.maximumBodyLength))
        {
            records.writeBytes(Self.header(length: body.readableBytes))
            records.writeBuffer(&body)
        }
        bytes = records
    }

    private static func header(length: Int) -> [UInt8] {
        [TLSRecord.ContentType.applicationData, 3, 3, UInt8(length >> 8), UInt8(length & 0xff)]
    }
}
