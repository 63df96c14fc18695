// SPDX-License-Identifier: Apache-2.0

/// The outside of TLS records: type, version and length, 5 bytes.
///
/// Specification: RFC 8446, section 5.1.
enum TLSRecord {
    static let headerLength = 5
    /// What a record may hold without encryption, in bytes.
    static let maximumPlaintextLength = 16_384

    /// The first byte.
    enum ContentType {
        static let changeCipherSpec: UInt8 = 0x14
        static let alert: UInt8 = 0x15
        static let handshake: UInt8 = 0x16
        static let applicationData: UInt8 = 0x17
    }

    /// The record that says, in TLS 1.3, nothing.
    static let changeCipherSpec: [UInt8] = [ContentType.changeCipherSpec, 3, 3, 0, 1, 1]
}
