// SPDX-License-Identifier: Apache-2.0

import MTProtoCrypto
import MTProtoTransport
import Testing

/// The encodings and the classification of `obfuscation.md` §9.1.
struct ProxySecretTests {
    static let key = hex("00112233445566778899aabbccddeeff")

    struct Vector: Sendable, CustomTestStringConvertible {
        let hexadecimal: String
        let base64URL: String
        let kind: ProxySecret.Kind

        var testDescription: String { "\(self.kind)" }
    }

    static let vectors = [
        Vector(hexadecimal: "00112233445566778899aabbccddeeff", base64URL: "ABEiM0RVZneImaq7zN3u_w", kind: .plain),
        Vector(hexadecimal: "dd00112233445566778899aabbccddeeff", base64URL: "3QARIjNEVWZ3iJmqu8zd7v8", kind: .padded),
        Vector(
            hexadecimal: "ee00112233445566778899aabbccddeeff6578616d706c652e636f6d",
            base64URL: "7gARIjNEVWZ3iJmqu8zd7v9leGFtcGxlLmNvbQ",
            kind: .fakeTLS(domain: "example.com")
        ),
    ]

    @Test("Every form in every encoding", arguments: Self.vectors)
    func vector(vector: Vector) throws {
        let standard = String(vector.base64URL.map { $0 == "_" ? "/" : $0 == "-" ? "+" : $0 })
        let padding = String(repeating: "=", count: (4 - standard.count % 4) % 4)
        let texts = [
            vector.hexadecimal, vector.hexadecimal.uppercased(), vector.base64URL, vector.base64URL + padding,
            standard, standard + padding,
        ]
        for text in texts {
            let secret = try ProxySecret(string: text)
            #expect(secret.kind == vector.kind)
            #expect(secret.key.array == Self.key)
            #expect(secret.requiredFraming == (vector.kind == .plain ? nil : .paddedIntermediate))
            #expect(secret.hexadecimalText() == vector.hexadecimal)
            #expect(secret.base64URLText() == vector.base64URL)
            #expect(try ProxySecret(bytes: secret.rawBytes()) == secret)
        }
    }

    @Test("17 bytes with another first byte are padded", arguments: [0x00, 0xee, 0xef, 0x11] as [UInt8])
    func otherFirstByte(byte: UInt8) throws {
        let secret = try ProxySecret(bytes: [byte] + Self.key)
        #expect(secret.kind == .padded)
        #expect(secret.key.array == Self.key)
    }

    static let refused: [([UInt8], ProxySecretError.Code)] = [
        ([], .invalidLength), ([1, 2, 3], .invalidLength), ([UInt8](repeating: 0xee, count: 15), .invalidLength),
        ([0xdd] + Self.key + [1], .unsupported), ([UInt8](repeating: 1, count: 32), .unsupported),
        ([0xee] + Self.key + [0xff, 0xfe], .invalidDomain), ([0xee] + Self.key + Array("a\nb".utf8), .invalidDomain),
        ([0xee] + Self.key + Array("a\u{1b}[0m".utf8), .invalidDomain),
        ([0xee] + Self.key + [UInt8](repeating: 97, count: 183), .invalidLength),
    ]

    @Test("What is no secret", arguments: Self.refused)
    func isRefused(bytes: [UInt8], code: ProxySecretError.Code) throws {
        let error = #expect(throws: ProxySecretError.self) { try ProxySecret(bytes: bytes) }
        #expect(error?.code == code)
    }

    @Test("The longest and the shortest domain", arguments: [1, 182])
    func domainLength(count: Int) throws {
        let secret = try ProxySecret(bytes: [0xee] + Self.key + [UInt8](repeating: 97, count: count))
        #expect(secret.kind == .fakeTLS(domain: String(repeating: "a", count: count)))
        #expect(try ProxySecret(string: secret.hexadecimalText()) == secret)
        #expect(try ProxySecret(string: secret.base64URLText()) == secret)
    }

    @Test("Domains that a caller gives are checked", arguments: [0, 183])
    func givenDomain(count: Int) {
        let error = #expect(throws: ProxySecretError.self) {
            try ProxySecret(kind: .fakeTLS(domain: String(repeating: "a", count: count)), key: Bytes16())
        }
        #expect(error?.code == .invalidDomain)
    }

    @Test(
        "Texts in no encoding",
        arguments: [
            "!", "ABEiM0RVZneImaq7zN3u_w=", "ABEiM0RVZneImaq7zN3u_w===", "=ABEiM0RVZneImaq7zN3u_w",
            "ABEi M0RVZneImaq7zN3u",
            "7g+RIjNEVWZ3iJmqu8zd7v9leGFtcGxlLmN_bQ", "ABEiM0RVZneImaq7zN3u_", "пароль",
        ]
    )
    func invalidText(text: String) {
        let error = #expect(throws: ProxySecretError.self) { try ProxySecret(string: text) }
        #expect(error?.code == .invalidText)
    }

    @Test("Digits of an even number are always hexadecimal")
    func hexadecimalFirst() throws {
        // 22 characters that base64 would make 16 bytes of.
        let error = #expect(throws: ProxySecretError.self) { try ProxySecret(string: "0011223344556677889900") }
        #expect(error?.code == .invalidLength)
    }

    @Test("A description never shows the key")
    func description() throws {
        for vector in Self.vectors {
            let secret = try ProxySecret(string: vector.hexadecimal)
            var dumped = ""
            dump(secret, to: &dumped)
            for text in ["\(secret)", String(reflecting: secret), dumped] {
                #expect(!text.contains("00112233") && !text.contains("ABEi") && !text.contains("17, 34"), "\(text)")
            }
        }
    }

    @Test("Random texts never trap")
    func fuzz() {
        let random = RandomSource.seeded(3)
        let characters = Array("0123456789abcdefABCDEFghiXYZ-_+/=é ")
        for _ in 0..<5000 {
            let count = random.integer(in: 0...450)
            let text = String((0..<count).map { _ in characters[random.integer(in: 0...(characters.count - 1))] })
            _ = try? ProxySecret(string: text)
            _ = try? ProxySecret(bytes: random.bytes(count))
        }
    }
}
