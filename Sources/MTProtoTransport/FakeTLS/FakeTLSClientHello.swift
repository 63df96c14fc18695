// SPDX-License-Identifier: Apache-2.0

public import MTProtoCrypto
public import NIOCore

/// The ClientHello with which a client shows a proxy that it knows the secret.
///
/// Specification: none official; what official clients send.
public struct FakeTLSClientHello: Hashable, Sendable {
    /// The record as it is sent: at most 16 389 bytes, and 512 or more unless the profile allows fewer.
    public let record: ByteBuffer
    /// The field of it that the proxy's answer depends on.
    public let random: Bytes32

    /// Builds a hello.
    ///
    /// - Parameters:
    ///   - secret: A secret of FakeTLS.
    ///   - unixTime: The time in seconds since 1970 as the proxy has it; some take only 3 seconds of difference.
    ///   - profile: What the hello looks like; not every proxy takes every one, see ``FakeTLSHelloProfile/chrome``.
    ///   - source: Where random bytes come from.
    /// - Throws: ``FakeTLSError`` with `notFakeTLSSecret`.
    public init(
        secret: ProxySecret,
        unixTime: Int64,
        profile: FakeTLSHelloProfile = .chrome,
        random source: RandomSource = .system
    ) throws(FakeTLSError) {
        guard case .fakeTLS(let domain) = secret.kind else { throw FakeTLSError(.notFakeTLSSecret) }
        self.init(domain: domain, key: secret.key, unixTime: unixTime, profile: profile, random: source)
    }

    init(domain: String, key: Bytes16, unixTime: Int64, profile: FakeTLSHelloProfile, random source: RandomSource) {
        var builder = FakeTLSHelloBuilder(domain: Array(domain.utf8), source: source)
        builder.build(profile.elements)
        var record = ByteBuffer(bytes: builder.bytes)
        guard let random = FakeTLSDigest.clientRandom(for: record, key: key, unixTime: unixTime) else {
            preconditionFailure("a builder begins each record with the field")
        }
        record.setBytes(random.array, at: record.readerIndex + FakeTLSDigest.field.lowerBound)
        self.record = record
        self.random = random
    }
}
