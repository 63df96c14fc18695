// SPDX-License-Identifier: Apache-2.0

/// The sans-IO transport of one byte stream, either role: bytes in, events out; payloads in, bytes out.
///
/// Specification: *MTProto transports*.
public struct TransportConnection: ~Copyable, Sendable {
    /// Bytes that a payload's buffer should leave free before its first byte, so that no layer copies the payload.
    public static let payloadHeadroom = 32
    /// Bytes that a payload's buffer should leave free after its last byte, so that no layer copies the payload.
    public static let payloadTailroom = 32
}
