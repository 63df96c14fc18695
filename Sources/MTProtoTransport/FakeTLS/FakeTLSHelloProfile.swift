// SPDX-License-Identifier: Apache-2.0

public import MTProtoCrypto

/// What a ClientHello looks like, as data that can be replaced without a new release.
///
/// The text has one element a line; `#` begins a comment. It describes what stands behind the session identifier: a `scope`
/// of cipher suites, `bytes 01 00` for the compression, a `scope` of extensions. What stands before is the same in every
/// hello, because proxies rely on it.
///
/// | line | makes |
/// |---|---|
/// | `fake-tls-hello 1` | nothing; it must be the first line, with ` short` behind it if hellos may have fewer than 512 bytes |
/// | `bytes 00 0a 1301…` | these bytes, in hexadecimal |
/// | `random 32` | so many random bytes (1 to 2048); of up to 64 counts one by chance |
/// | `zeros 4` | so many zeros (1 to 2048) |
/// | `domain` | the domain of the secret, 1 to 182 bytes |
/// | `grease 0` | a reserved value of 2 bytes; 0 to 15, where 0 and 1, 2 and 3, … differ from each other |
/// | `x25519` | a public key of 32 bytes |
/// | `mlkem768` | an encapsulation key of 1184 bytes |
/// | `padding 517` | a padding extension, if the record would otherwise be shorter than so many bytes (1 to 16 384) by 5 or more; only as the last line of the extensions |
/// | `scope` … `end` | the length of what is inside in 2 bytes, and what is inside |
/// | `shuffle` … `end` | its 1 to 64 parts, each `part` … `end`, in an order by chance |
/// | `choose` … `end` | one of its 1 to 64 parts, by chance |
/// | `choose once` … `end` | one of its parts, the same in all hellos of the profile, as clients of many connections do |
///
/// Blocks are nested at most 16 deep. What is accepted makes a ClientHello that proxies can take, whatever chance gives:
/// extensions are whole and none is there twice, `server_name` holds the domain, the first cipher suite that is no reserved
/// value is one of TLS 1.3 (`13…`), a record has 512 to 16 389 bytes. To be sure of it, the parts of a `shuffle` must be whole
/// extensions (or whole suites), those of a `choose` must end at the same place, and a length written as `bytes` fits only
/// what has one length.
///
/// Specification: RFC 8446, section 4.1.2; RFC 8701 for reserved values. The format of the text is this library's own.
public struct FakeTLSHelloProfile: Hashable, Sendable {
    /// The most bytes of a text, 65 536.
    public static let maximumTextLength = 65_536

    /// The text that the profile was read from.
    public let text: String

    /// With what is chosen once chosen, so that two values of one text may differ.
    let elements: [FakeTLSHelloElement]

    /// Reads a profile, and draws what is chosen once. Make one value and use it for all connections.
    ///
    /// - Parameters:
    ///   - text: At most ``maximumTextLength`` bytes.
    ///   - random: What `choose once` is drawn from.
    /// - Throws: ``FakeTLSProfileError``, with the line and the column of what is wrong.
    public init(text: String, random: RandomSource = .system) throws(FakeTLSProfileError) {
        let profile = try FakeTLSProfileParser.parse(text)
        try FakeTLSHelloChecker.check(profile.elements, allowsShort: profile.allowsShort)
        self.text = text
        self.elements = FakeTLSHelloElement.drawn(profile.elements, random)
    }
}
