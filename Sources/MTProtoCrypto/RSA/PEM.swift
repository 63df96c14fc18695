// SPDX-License-Identifier: Apache-2.0

internal import SwiftASN1

/// RSA keys as text: what the blocks of a PEM file hold.
enum PEM {
    /// The numbers of a public key, big endian, without leading zeros.
    struct PublicNumbers {
        var modulus: [UInt8]
        var exponent: [UInt8]
    }

    /// The numbers of a private key, big endian, without leading zeros.
    struct PrivateNumbers {
        var modulus: [UInt8]
        var exponent: [UInt8]
        var privateExponent: [UInt8]
        var firstPrime: [UInt8]
        var secondPrime: [UInt8]
    }

    private static let rsaEncryption: ASN1ObjectIdentifier = [1, 2, 840, 113549, 1, 1, 1]

    /// Reads all public keys of a text; blocks of other kinds are an error.
    static func publicKeys(in text: String) throws(CryptoError) -> [PublicNumbers] {
        try Self.reading {
            try PEMDocument.parseMultiple(pemString: text).map { document in
                switch document.discriminator {
                case "RSA PUBLIC KEY":
                    return try Self.parsePublicKey(DER.parse(document.derBytes))
                case "PUBLIC KEY":
                    return try DER.sequence(DER.parse(document.derBytes), identifier: .sequence) { nodes in
                        try Self.checkAlgorithm(&nodes)
                        let bits = try ASN1BitString(derEncoded: &nodes)
                        guard bits.paddingBits == 0 else {
                            throw CryptoError(.malformedKey, "a public key is not made of whole bytes")
                        }
                        return try Self.parsePublicKey(DER.parse(bits.bytes))
                    }
                default:
                    throw CryptoError(.malformedKey, "expected a public key, not a PEM block of another kind")
                }
            }
        }
    }

    /// Reads the one private key of a text.
    static func privateKey(in text: String) throws(CryptoError) -> PrivateNumbers {
        try Self.reading {
            let document = try PEMDocument(pemString: text)
            switch document.discriminator {
            case "RSA PRIVATE KEY":
                return try Self.parsePrivateKey(DER.parse(document.derBytes))
            case "PRIVATE KEY":
                let root = try DER.parse(document.derBytes)
                let key = try DER.sequence(root, identifier: .sequence) { nodes in
                    _ = try Int(derEncoded: &nodes)
                    try Self.checkAlgorithm(&nodes)
                    let key = try ASN1OctetString(derEncoded: &nodes)
                    // Attributes may follow; they say nothing about the key.
                    while nodes.next() != nil {}
                    return key
                }
                return try Self.parsePrivateKey(DER.parse(key.bytes))
            default:
                throw CryptoError(.malformedKey, "expected an RSA private key, not a PEM block of another kind")
            }
        }
    }

    /// Writes a public key as PKCS#1.
    static func string(publicKey: PublicNumbers) -> String {
        var serializer = DER.Serializer()
        serializer.appendConstructedNode(identifier: .sequence) { coder in
            for number in [publicKey.modulus, publicKey.exponent] {
                coder.appendPrimitiveNode(identifier: .integer) { bytes in
                    if let first = number.first, first & 0x80 != 0 {
                        bytes.append(0)
                    }
                    bytes.append(contentsOf: number)
                }
            }
        }
        return PEMDocument(type: "RSA PUBLIC KEY", derBytes: serializer.serializedBytes).pemString + "\n"
    }

    private static func reading<Result>(_ body: () throws -> Result) throws(CryptoError) -> Result {
        do {
            return try body()
        } catch let error as CryptoError {
            throw error
        } catch {
            // The parser's own words are left out: they may quote the text, and the text may be a private key.
            throw CryptoError(.malformedKey, "the text is not a PEM document with an RSA key")
        }
    }

    private static func checkAlgorithm(_ nodes: inout ASN1NodeCollection.Iterator) throws {
        guard let algorithm = nodes.next() else {
            throw CryptoError(.malformedKey, "the key does not say its algorithm")
        }
        try DER.sequence(algorithm, identifier: .sequence) { nodes in
            guard try ASN1ObjectIdentifier(derEncoded: &nodes) == Self.rsaEncryption else {
                throw CryptoError(.unsupportedKey, "the key is not an RSA key")
            }
            while nodes.next() != nil {}
        }
    }

    private static func parsePublicKey(_ node: ASN1Node) throws -> PublicNumbers {
        try DER.sequence(node, identifier: .sequence) { nodes in
            PublicNumbers(modulus: try Self.number(&nodes), exponent: try Self.number(&nodes))
        }
    }

    private static func parsePrivateKey(_ node: ASN1Node) throws -> PrivateNumbers {
        try DER.sequence(node, identifier: .sequence) { nodes in
            guard try Int(derEncoded: &nodes) == 0 else {
                throw CryptoError(.unsupportedKey, "RSA keys of more than two primes are not supported")
            }
            let numbers = PrivateNumbers(
                modulus: try Self.number(&nodes),
                exponent: try Self.number(&nodes),
                privateExponent: try Self.number(&nodes),
                firstPrime: try Self.number(&nodes),
                secondPrime: try Self.number(&nodes)
            )
            // The three numbers of the Chinese remainder theorem follow from the others.
            // (Slices, not arrays: where arrays were made and dropped here, the address sanitizer saw Swift 6.3.1 free one
            // and write to it in an optimized build.)
            for _ in 0..<3 {
                _ = try ArraySlice<UInt8>(derEncoded: &nodes)
            }
            return numbers
        }
    }

    private static func number(_ nodes: inout ASN1NodeCollection.Iterator) throws -> [UInt8] {
        Array(try ArraySlice<UInt8>(derEncoded: &nodes))
    }
}
