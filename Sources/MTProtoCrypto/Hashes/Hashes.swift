// SPDX-License-Identifier: Apache-2.0

internal import CMTProtoCrypto

/// A SHA-1 computation, without an allocation.
package struct SHA1Hasher: ~Copyable {
    private var state = cmtp_sha1()

    package init() {
        cmtp_sha1_init(&self.state)
    }

    /// Appends bytes to what is hashed.
    package mutating func update(_ bytes: UnsafeRawBufferPointer) {
        if let base = bytes.baseAddress {
            cmtp_sha1_update(&self.state, base, bytes.count)
        }
    }

    /// The 20-byte digest of all bytes.
    package consuming func finalize() -> Bytes20 {
        var digest = Bytes20()
        digest.withUnsafeMutableBytes { cmtp_sha1_final(&self.state, $0.start) }
        return digest
    }
}

/// A SHA-256 computation, without an allocation.
package struct SHA256Hasher: ~Copyable {
    private var state = cmtp_sha256()

    package init() {
        cmtp_sha256_init(&self.state)
    }

    /// Appends bytes to what is hashed.
    package mutating func update(_ bytes: UnsafeRawBufferPointer) {
        if let base = bytes.baseAddress {
            cmtp_sha256_update(&self.state, base, bytes.count)
        }
    }

    /// The 32-byte digest of all bytes.
    package consuming func finalize() -> Bytes32 {
        var digest = Bytes32()
        digest.withUnsafeMutableBytes { cmtp_sha256_final(&self.state, $0.start) }
        return digest
    }
}

/// SHA-1 of the concatenation of parts.
package func sha1(_ parts: UnsafeRawBufferPointer...) -> Bytes20 {
    var hasher = SHA1Hasher()
    for part in parts {
        hasher.update(part)
    }
    return hasher.finalize()
}

/// SHA-1 of the concatenation of parts.
package func sha1(_ parts: [UInt8]...) -> Bytes20 {
    var hasher = SHA1Hasher()
    for part in parts {
        part.withUnsafeBytes { hasher.update($0) }
    }
    return hasher.finalize()
}

/// SHA-256 of the concatenation of parts.
package func sha256(_ parts: UnsafeRawBufferPointer...) -> Bytes32 {
    var hasher = SHA256Hasher()
    for part in parts {
        hasher.update(part)
    }
    return hasher.finalize()
}

/// SHA-256 of the concatenation of parts.
package func sha256(_ parts: [UInt8]...) -> Bytes32 {
    var hasher = SHA256Hasher()
    for part in parts {
        part.withUnsafeBytes { hasher.update($0) }
    }
    return hasher.finalize()
}
