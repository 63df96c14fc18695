// SPDX-License-Identifier: Apache-2.0

internal import MTProtoCrypto

/// The values that both sides derive from the nonces and the new key.
///
/// Specification: *Creating an Authorization Key*, steps 5 to 9.
enum ExchangeDigest {
    /// Which verdict a `new_nonce_hash` belongs to.
    enum Verdict: UInt8, CaseIterable, Sendable {
        case ok = 1
        case retry = 2
        case fail = 3
    }

    /// `new_nonce_hash1`, `2` or `3`: the low 128 bits of SHA-1 of the new nonce, the number, and the key's auxiliary
    /// hash.
    static func newNonceHash(_ newNonce: [UInt8], _ verdict: Verdict, key: AuthorizationKey) -> Bytes16 {
        let auxiliaryHash = withUnsafeBytes(of: key.auxiliaryHash.littleEndian) { Array($0) }
        return self.low128(sha1(newNonce, [verdict.rawValue], auxiliaryHash))
    }

    /// `new_nonce_hash` of `server_DH_params_fail`: the low 128 bits of SHA-1 of the new nonce.
    static func refusalHash(_ newNonce: [UInt8]) -> Bytes16 {
        self.low128(sha1(newNonce))
    }

    /// The first server salt.
    static func initialSalt(newNonce: [UInt8], serverNonce: Bytes16) -> UInt64 {
        let bytes = zip(newNonce, serverNonce.array).prefix(8).map { $0 ^ $1 }
        return bytes.reversed().reduce(0) { $0 << 8 | UInt64($1) }
    }

    private static func low128(_ digest: Bytes20) -> Bytes16 {
        digest.withUnsafeBytes { Bytes16(UnsafeRawBufferPointer(rebasing: $0[4...])) }
    }
}
