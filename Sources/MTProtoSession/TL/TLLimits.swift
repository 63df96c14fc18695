// SPDX-License-Identifier: Apache-2.0

/// What a parser accepts from a peer at most.
public struct TLLimits: Hashable, Sendable {
    /// Messages in one container; 1024 is the official limit.
    public var maximumContainerCount = 1024

    /// Bytes that one compressed object may unpack to; 16 MiB, the frame limit.
    public var maximumUnpackedLength = 1 << 24

    /// Values nested into each other, and wrappers around a query.
    public var maximumDepth = 16

    /// Identifiers in one `msgs_ack`, `msgs_state_req`, `msgs_all_info` or `msg_resend_req`: 8192.
    static let maximumIdentifierCount = 8192

    /// Makes the limits with their defaults.
    public init() {}

    /// The defaults.
    public static let standard = TLLimits()
}
