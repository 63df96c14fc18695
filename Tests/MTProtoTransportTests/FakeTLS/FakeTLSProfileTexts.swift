// SPDX-License-Identifier: Apache-2.0

import MTProtoCrypto
import MTProtoTransport
import Testing

/// Texts of profiles, good and bad.
enum ProfileTexts {
    static let serverName = ["bytes 0000", "scope", "scope", "bytes 00", "scope", "domain", "end", "end", "end"]
    static let suites = ["scope", "bytes 1301", "end"]

    /// A profile as small as can be, with something before and behind the 9 lines that name the domain. What is before is in
    /// line 7 and following.
    static func text(
        isShort: Bool = true,
        suites: [String] = Self.suites,
        before: [String] = [],
        after: [String] = []
    ) -> String {
        let head = [isShort ? "fake-tls-hello 1 short" : "fake-tls-hello 1"] + suites + ["bytes 0100", "scope"]
        return (head + before + Self.serverName + after + ["end"]).joined(separator: "\n")
    }

    static func hello(_ profile: FakeTLSHelloProfile, domain: String = "example.com", seed: UInt64) throws -> [UInt8] {
        try FakeTLSClientHello(
            secret: ProxySecret(kind: .fakeTLS(domain: domain), key: FakeTLSVectors.secret().key),
            unixTime: 0,
            profile: profile,
            random: .seeded(seed)
        ).record.bytes
    }

    static let accepted: [[String]] = [
        [],
        ["grease 4", "bytes 0000", "grease 5", "bytes 0000"],
        [
            "choose", "part", "bytes 0001 0000", "end", "part", "bytes 0002 0001", "random 1", "end", "part", "end",
            "end",
        ],
        // A length by hand, over several elements and alternatives of one length.
        [
            "bytes 0001 0023", "x25519", "choose", "part", "grease 1", "zeros 1", "end", "part", "bytes 010203", "end",
            "end",
        ],
        ["bytes 0001 0005", "shuffle", "part", "zeros 2", "end", "part", "random 3", "end", "end"],
        ["bytes 0001 0004", "scope", "random 2", "end"],
        // One that begins in one line and ends in others; two in one line.
        ["bytes 00", "bytes 0100", "bytes 02ff", "bytes ff 0002 0000 0003 0000"],
        [
            "shuffle", "part", "bytes 0001 0000", "end", "part", "bytes 0002", "scope", "random 1 2 3", "end", "end",
            "end",
        ],
        // The same type in two alternatives.
        ["choose", "part", "bytes 0001 0000", "end", "part", "bytes 0001 0001 07", "end", "end"],
    ]

    struct Refusal: Sendable, CustomTestStringConvertible {
        let text: String
        let code: FakeTLSProfileError.Code
        let line: Int
        let column: Int

        init(_ text: String, _ code: FakeTLSProfileError.Code, _ line: Int = 1, _ column: Int = 1) {
            self.text = text
            self.code = code
            self.line = line
            self.column = column
        }

        /// With lines before the domain's name.
        init(_ lines: [String], _ code: FakeTLSProfileError.Code, _ line: Int, _ column: Int = 1) {
            self.init(ProfileTexts.text(before: lines), code, line, column)
        }

        var testDescription: String { "\(self.code) \(self.line):\(self.column)" }
    }

    static let refusals = Self.textRefusals + Self.blockRefusals + Self.helloRefusals + Self.reviewedRefusals

    private static let textRefusals = [
        Refusal("", .unsupportedVersion), Refusal("fake-tls-hello 2", .unsupportedVersion),
        Refusal("bytes 00", .unsupportedVersion), Refusal("fake-tls-hello 1 1", .unsupportedVersion),
        Refusal("fake-tls-hello 1 short 1", .unsupportedVersion),
        Refusal(String(repeating: "#", count: 65_537), .textTooLong),
        Refusal(["  byte 00"], .unknownWord, 7, 3), Refusal(["part", "end"], .unknownWord, 7),
        Refusal(["é"], .unknownWord, 7), Refusal(["shuffle", " bytes 00", "end"], .unknownWord, 8, 2),
        Refusal(["bytes"], .missingValue, 7), Refusal(["random # 1"], .missingValue, 7),
        Refusal(["zeros"], .missingValue, 7), Refusal(["grease"], .missingValue, 7),
        Refusal(["domain x"], .unexpectedValue, 7, 8), Refusal(["zeros 1 2"], .unexpectedValue, 7, 9),
        Refusal(["scope 1", "end"], .unexpectedValue, 7, 7), Refusal(["scope", "end 1"], .unexpectedValue, 8, 5),
        Refusal(["choose", "part 1", "end", "end"], .unexpectedValue, 8, 6),
        Refusal(["choose twice", "part", "end", "end"], .unexpectedValue, 7, 8),
        Refusal(["choose once once", "part", "end", "end"], .unexpectedValue, 7, 13),
        Refusal(["shuffle once", "part", "end", "end"], .unexpectedValue, 7, 9),
        Refusal(["random" + String(repeating: " 1", count: 65)], .unexpectedValue, 7, 136),
        Refusal(["bytes 00 0"], .invalidValue, 7, 10), Refusal(["bytes 0g"], .invalidValue, 7, 7),
        Refusal(["random 0"], .invalidValue, 7, 8), Refusal(["random 1 2049"], .invalidValue, 7, 10),
        Refusal(["zeros 2049"], .invalidValue, 7, 7), Refusal(["zeros -1"], .invalidValue, 7, 7),
        Refusal(["zeros +1"], .invalidValue, 7, 7), Refusal(["grease 16"], .invalidValue, 7, 8),
        Refusal(["padding 16385"], .invalidValue, 7, 9),
        Refusal(["zeros 99999999999999999999"], .invalidValue, 7, 7),
    ]

    private static let deep = (0..<17).map { _ in "scope" }.joined(separator: "\n")
    private static let deepParts = (0..<9).map { _ in "choose\npart" }.joined(separator: "\n")
    private static let manyParts = (0..<65).map { _ in "part\nend" }.joined(separator: "\n")

    private static let blockRefusals = [
        Refusal("fake-tls-hello 1\nscope\n  scope\n  end", .missingEnd, 2),
        Refusal("fake-tls-hello 1\nchoose", .missingEnd, 2),
        Refusal("fake-tls-hello 1\nchoose\n\n part", .missingEnd, 4, 2),
        Refusal(Self.text() + "\nend", .unexpectedEnd, 17), Refusal(["shuffle", "end"], .missingPart, 7),
        Refusal(["choose once", "end"], .missingPart, 7),
        Refusal(["choose\n\(Self.manyParts)\nend"], .tooManyParts, 136),
        Refusal("fake-tls-hello 1\n\(Self.deep)", .tooDeep, 18),
        Refusal("fake-tls-hello 1\n\(Self.deepParts)", .tooDeep, 18),
    ]

    private static func suites(_ lines: String..., error: FakeTLSProfileError.Code, _ line: Int) -> Refusal {
        Refusal(Self.text(suites: ["scope"] + lines + ["end"]), error, line)
    }

    private static let helloRefusals = [
        Refusal("fake-tls-hello 1", .notClientHello),
        Refusal("fake-tls-hello 1\nscope\nbytes 1301\nend\n bytes 01", .notClientHello, 5, 2),
        Refusal("fake-tls-hello 1\nbytes 0002 1301 0100\nscope\nend", .notClientHello, 2),
        Refusal("fake-tls-hello 1\nscope\nbytes 1301\nend\nbytes 01\nbytes 01", .notClientHello, 6),
        Refusal(Self.text() + "\nbytes 00", .notClientHello, 17),
        // Cipher suites.
        Self.suites("bytes c02b 1301", error: .missingSuite, 3), Self.suites(error: .missingSuite, 2),
        Self.suites("grease 0", "bytes 5a5a", error: .missingSuite, 2),
        Self.suites("bytes 1301", "bytes 13", error: .notClientHello, 4),
        Self.suites("random 2", error: .notClientHello, 3),
        Self.suites(
            "shuffle",
            "part",
            "bytes 1301",
            "end",
            "part",
            "bytes c02b",
            "end",
            "end",
            error: .missingSuite,
            8
        ),
        Self.suites("choose", "part", "bytes 1301", "end", "part", "grease 0", "end", "end", error: .notClientHello, 3),
        // Lengths.
        Refusal(["bytes 0001", "scope"] + [String](repeating: "zeros 2048", count: 8) + ["end"], .helloTooLong, 16),
        Refusal(["bytes 0001", "scope"] + [String](repeating: "domain", count: 91) + ["end"], .helloTooLong, 98),
        Refusal(["bytes 0002 0001"], .notClientHello, 9),
        Refusal(Self.text(after: ["bytes 0003 0000", " bytes 0002 0001"]), .notClientHello, 17, 2),
        Refusal(["bytes 0001 0001", "random 1 2"], .notClientHello, 8),
        Refusal(["bytes 0001 0040", "domain"], .notClientHello, 8),
        Refusal(["bytes 0001 0003", "random 4"], .notClientHello, 8),
        Refusal(["bytes 0001", "random 2"], .notClientHello, 8), Refusal(["scope", "end"], .notClientHello, 7),
        Refusal(
            ["choose", "part", "bytes 0001 0000", "end", "part", "bytes 0001 0001", "end", "end"],
            .notClientHello,
            7
        ),
        Refusal(["shuffle", "part", "bytes 0001", "end", "end"], .notClientHello, 9),
        Refusal(["bytes 0001", "shuffle", "part", "bytes 0000", "end", "end"], .notClientHello, 8),
        // Types.
        Refusal(["grease 0", "bytes 0000", "grease 0", "bytes 0000"], .repeatedExtension, 9),
        Refusal(["bytes 0001 0000", "bytes 0001 0000"], .repeatedExtension, 8),
        Refusal(["bytes 5a5a 0000", "grease 3", "bytes 0000"], .repeatedExtension, 8),
        Refusal(["grease 3", "bytes 0000", "bytes 5a5a 0000"], .repeatedExtension, 9),
        Refusal(
            ["shuffle", "part", "bytes 0001 0000", "end", "part", "bytes 0001 0000", "end", "end"],
            .repeatedExtension,
            12
        ),
        Refusal(Self.text(before: ["bytes 0015 0000"], after: ["padding 600"]), .repeatedExtension, 17),
        // The domain.
        Refusal("fake-tls-hello 1 short\nscope\nbytes 1301\nend\nbytes 0100\n  scope\nend", .missingServerName, 6, 3),
        Refusal(["bytes 0000 0010 000e 00 000b 6578616d706c652e636f6d"], .missingServerName, 7),
        Refusal(["bytes 0000", "scope", "domain", "end"], .missingServerName, 8),
        Refusal(
            "fake-tls-hello 1 short\nscope\nbytes 1301\nend\nbytes 0100\nscope\nchoose\npart\n"
                + Self.serverName.joined(separator: "\n") + "\nend\npart\nend\nend\nend",
            .missingServerName,
            6
        ),
        Refusal(Self.text(isShort: false), .helloTooShort),
        // Padding.
        Refusal(["padding 600"], .misplacedPadding, 7),
        Refusal(["bytes 0001", "scope", "padding 600", "end"], .misplacedPadding, 9),
        Refusal(Self.text(after: ["padding 600", "padding 700"]), .misplacedPadding, 16),
    ]

    /// What a check of samples had accepted, that goes wrong by chance.
    private static let reviewedRefusals = [
        Refusal(
            ["shuffle", "part", "bytes 0001", "scope"] + [String](repeating: "zeros 2048", count: 7)
                + ["end", "end", "part", "padding 16384", "end", "end"],
            .misplacedPadding,
            21
        ),
        Refusal(
            ["shuffle", "part", "padding 1000", "end", "part", "padding 517", "end", "end"],
            .misplacedPadding,
            9
        ),
        Refusal(
            ["choose", "part", "bytes 0001 0000", "end", "part", "bytes 0002 0000", "end", "end"]
                + ["choose", "part", "bytes 0002 0000", "end", "part", "bytes 0001 0000", "end", "end"],
            .repeatedExtension,
            17
        ),
        Refusal(
            ["bytes 0001", "choose", "part", "bytes 0001", "end", "part", "bytes 0002", "end", "end"]
                + ["choose", "part", "zeros 1", "end", "part", "zeros 2", "end", "end"],
            .notClientHello,
            8
        ),
        Refusal(["grease 2", "bytes 0000", "grease 5", "bytes 0000"], .repeatedExtension, 9),
    ]

    // MARK: Random texts

    /// Extensions of few types, most of them whole.
    static func randomExtensions(_ random: RandomSource, depth: Int) -> [String] {
        (0..<random.integer(in: 0...(3 - depth))).flatMap { _ -> [String] in
            let type = "bytes 000\(random.integer(in: 1...9))"
            switch random.integer(in: 0...(depth < 2 ? 11 : 7)) {
            case 0...1: return [type + " 0000"]
            case 2: return ["grease \(random.integer(in: 0...5))", "bytes 0000"]
            case 3: return [type, "scope"] + Self.randomBody(random) + ["end"]
            case 4: return [type + " 0002"] + Self.randomBody(random)
            case 5: return [type + " 0002", "bytes aabb"]
            case 6:
                return [type + " 0003", "grease 1", ["random 1", "random 1 2", "zeros 1"][random.integer(in: 0...2)]]
            case 7: return [type] + (random.integer(in: 0...4) == 0 ? [] : ["bytes 0000"])
            default: return Self.randomBlock(random, depth: depth + 1)
            }
        }
    }

    private static func randomBody(_ random: RandomSource) -> [String] {
        [["random 1 2 700"], ["domain"], ["bytes 0102"], ["grease 0"], ["x25519"], []][random.integer(in: 0...5)]
    }

    private static func randomBlock(_ random: RandomSource, depth: Int) -> [String] {
        let parts = (0..<random.integer(in: 1...3)).flatMap { _ in
            ["part"] + Self.randomExtensions(random, depth: depth) + ["end"]
        }
        return [["shuffle", "choose", "choose once"][random.integer(in: 0...2)]] + parts + ["end"]
    }
}
