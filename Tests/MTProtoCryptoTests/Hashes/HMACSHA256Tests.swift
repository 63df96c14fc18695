// SPDX-License-Identifier: Apache-2.0

import MTProtoCrypto
import Testing

@Suite struct HMACSHA256Tests {
    private static func code(key: [UInt8], _ parts: [UInt8]...) -> String {
        var code = HMACSHA256(key: key)
        for part in parts { part.withUnsafeBytes { code.update($0) } }
        return code.finalize().hex
    }

    /// RFC 4231, sections 4.2, 4.3 and 4.7.
    @Test func knownAnswers() {
        #expect(
            Self.code(key: [UInt8](repeating: 0x0b, count: 20), Array("Hi There".utf8))
                == "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7"
        )
        #expect(
            Self.code(key: Array("Jefe".utf8), Array("what do ya want ".utf8), [], Array("for nothing?".utf8))
                == "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"
        )
        #expect(
            Self.code(
                key: [UInt8](repeating: 0xaa, count: 131),
                Array("Test Using Larger Than Block-Size Key - Hash Key First".utf8)
            ) == "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54"
        )
    }

    /// Computed with another implementation of RFC 2104.
    @Test(arguments: [
        (63, "451375652cef507c4ec0b652cd6867cdf02a93a1b8db8689624b029a5dbf006c"),
        (64, "968027b6c2fe925185a8fa76b7300748d9ef4a857c31e49171526d1aec090a89"),
        (65, "324bd9daed56df3e243dbfd23bb635edae9391992c0caf5c9915e0e66c80fccd"),
    ])
    func keysAroundABlock(length: Int, digest: String) {
        #expect(Self.code(key: (0..<length).map { UInt8($0) }, [1, 2, 3]) == digest)
    }

    @Test func keysOfSixteenBytes() throws {
        let key = (0..<16).map { UInt8($0) }
        var code = HMACSHA256(key: try #require(Bytes16(key)))
        let message: [UInt8] = [1, 2, 3]
        message.withUnsafeBytes { code.update($0) }
        let digest = code.finalize().hex
        #expect(digest == "d0904022fc38711f29de57fc22b5685fdcc0ad014408892450acaa3500cc522e")
        #expect(digest == Self.code(key: key, message))
    }
}
