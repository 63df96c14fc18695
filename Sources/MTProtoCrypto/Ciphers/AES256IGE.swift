// SPDX-License-Identifier: Apache-2.0

internal import CMTProtoCrypto

/// AES-256 in infinite garble extension mode, in place, for one whole message.
///
/// Each call starts from the initialization vector again; nothing carries over.
///
/// Specification: *Mobile Protocol: Detailed Description*; *Creating an Authorization Key*.
public struct AES256IGE: Sendable, CustomStringConvertible, CustomReflectable {
    package let key: Bytes32
    package let initializationVector: Bytes32
    private let path: CryptoPath

    /// Creates a cipher.
    ///
    /// - Parameters:
    ///   - key: The 32-byte key.
    ///   - initializationVector: 16 bytes that stand for the ciphertext block before the first, then 16 for the
    ///     plaintext block before the first.
    ///   - path: The instructions to use, out of ``CryptoPath/available``.
    public init(key: Bytes32, initializationVector: Bytes32, path: CryptoPath = .best) {
        self.key = key
        self.initializationVector = initializationVector
        self.path = path
    }

    /// Encrypts bytes in place.
    ///
    /// - Parameter bytes: The message. It is a programming error if its length is not a multiple of 16.
    public func encrypt(_ bytes: UnsafeMutableRawBufferPointer) {
        self.run(bytes, cmtp_ige_encrypt)
    }

    /// Decrypts bytes in place.
    ///
    /// - Parameter bytes: The message. It is a programming error if its length is not a multiple of 16.
    public func decrypt(_ bytes: UnsafeMutableRawBufferPointer) {
        self.run(bytes, cmtp_ige_decrypt)
    }

    @inline(__always)
    private func run(
        _ bytes: UnsafeMutableRawBufferPointer,
        _ transform: (
            cmtp_path, UnsafePointer<UInt8>?, UnsafePointer<UInt8>?, UnsafeMutablePointer<UInt8>?, Int
        ) -> Void
    ) {
        precondition(bytes.count % 16 == 0, "IGE takes whole blocks of 16 bytes")
        let number = self.path.checked
        self.key.withUnsafeBytes { key in
            self.initializationVector.withUnsafeBytes { vector in
                transform(number, key.start, vector.start, bytes.start, bytes.count)
            }
        }
    }

    /// The name of the cipher, without its key.
    public var description: String { "AES256IGE" }

    /// Shows no key.
    public var customMirror: Mirror { Mirror(self, children: EmptyCollection<Mirror.Child>()) }
}

extension AES256IGE {
    /// Encrypts an array in place. Its length must be a multiple of 16.
    package func encrypt(_ bytes: inout [UInt8]) {
        bytes.withUnsafeMutableBytes { self.encrypt($0) }
    }

    /// Decrypts an array in place. Its length must be a multiple of 16.
    package func decrypt(_ bytes: inout [UInt8]) {
        bytes.withUnsafeMutableBytes { self.decrypt($0) }
    }
}
