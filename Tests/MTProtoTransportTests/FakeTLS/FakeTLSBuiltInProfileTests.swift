// SPDX-License-Identifier: Apache-2.0

import MTProtoCrypto
import MTProtoTransport
import Testing

/// The bytes of the built-in profiles, but for what chance gives: `obfuscation.md` §10.6, and for safari what TDLib sends.
/// ``FakeTLSClientHelloTests`` has the vector of compact.
struct FakeTLSBuiltInProfileTests {
    /// Takes bytes apart by words: hexadecimal, `*4` for any 4 bytes, `g4` for the reserved value of the number 4, which is the
    /// same wherever it stands.
    private struct Matcher {
        var grease: [Substring: [UInt8]] = [:]

        mutating func matches(_ bytes: [UInt8], _ pattern: String) -> Bool {
            var rest = bytes[...]
            for word in pattern.split(separator: " ") {
                let expected: [UInt8]
                switch word.first {
                case "*":
                    let count = Int(word.dropFirst()) ?? 0
                    guard rest.count >= count else { return false }
                    expected = Array(rest.prefix(count))
                case "g":
                    let value = Array(rest.prefix(2))
                    guard value.count == 2, value[0] == value[1], value[0] & 0x0f == 0x0a else { return false }
                    expected = self.grease[word, default: value]
                    self.grease[word] = expected
                default:
                    expected = hex(String(word))
                }
                guard rest.starts(with: expected) else { return false }
                rest = rest.dropFirst(expected.count)
            }
            return rest.isEmpty
        }
    }

    /// A type as it is in the tables: a number, or a reserved value's name.
    private static func name(_ type: UInt16) -> String {
        let text = Hexadecimal.string([UInt8(type >> 8), UInt8(type & 0xff)])
        return type & 0x0f0f == 0x0a0a && type >> 8 == type & 0xff ? "grease" : text
    }

    private static let serverName = "000e 00 000b 6578616d706c652e636f6d"
    private static let share = "04ed g4 0001 00 11ec 04c0 *1184 *32 001d 0020 *32"

    /// In the middle of chrome, in any order.
    static let chromeBodies: [String: [String]] = [
        "0000": [Self.serverName], "0005": ["01 0000 0000"], "000a": ["000a g4 11ec 001d 0017 0018"], "000b": ["01 00"],
        "000d": ["0010 0403 0804 0401 0503 0805 0501 0806 0601"], "0010": ["000c 02 6832 08 687474702f312e31"],
        "0012": [""], "0017": [""], "001b": ["02 0002"], "0023": [""], "002b": ["06 g6 0304 0303"], "002d": ["01 01"],
        "0033": [Self.share], "44cd": ["0003 02 6832"],
        "fe0d": ["0090 *144", "00b0 *176", "00d0 *208", "00f0 *240"].map { "00 0001 0001 *1 0020 *32 \($0)" },
        "ff01": ["00"],
    ]
    private static let chromeSuites =
        "g0 1301 1302 1303 c02b c02f c02c c030 cca9 cca8 c013 c014 009c 009d 002f 0035"

    /// In this order.
    static let safariBodies: [(String, [String])] = [
        ("grease", [""]), ("0000", [Self.serverName]), ("0017", [""]), ("ff01", ["00"]),
        ("000a", ["000c g4 11ec 001d 0017 0018 0019"]), ("000b", ["01 00"]),
        ("0010", ["0009 08 687474702f312e31", "000c 02 6832 08 687474702f312e31"]), ("0005", ["01 0000 0000"]),
        ("000d", ["0014 0403 0804 0401 0503 0805 0805 0501 0806 0601 0201"]), ("0012", [""]), ("0033", [Self.share]),
        ("002d", ["01 01"]), ("002b", ["06 g6 0304 0303"]), ("001b", ["02 0001"]), ("grease", ["00"]),
    ]
    private static let safariSuites = [
        "g0 1302 1301 1303 c02c c030 c02b cca9 c02f cca8 c00a c009 c014 c013",
        "g0 1302 1303 1301 c02c c02b cca9 c030 c02f cca8 c00a c009 c014 c013 009d 009c 0035 002f c008 c012 000a",
    ]

    private static func suites(of hello: TLSClientHello) -> [UInt8] {
        hello.cipherSuites.flatMap { [UInt8($0 >> 8), UInt8($0 & 0xff)] }
    }

    @Test(
        "Before the cipher suites all profiles are alike",
        arguments: [FakeTLSHelloProfile.chrome, .safari, .compact]
    )
    func head(profile: FakeTLSHelloProfile) throws {
        for seed in 0..<10 as Range<UInt64> {
            let record = try ProfileTexts.hello(profile, seed: seed)
            let length = Hexadecimal.string([UInt8((record.count - 5) >> 8), UInt8((record.count - 5) & 0xff)])
            let message = Hexadecimal.string([UInt8((record.count - 9) >> 8), UInt8((record.count - 9) & 0xff)])
            var matcher = Matcher()
            let pattern = "160301 \(length) 01 00 \(message) 0303 *32 20 *32"
            let isRight = matcher.matches(Array(record[..<76]), pattern)
            #expect(isRight, "seed \(seed)")
        }
    }

    @Test("chrome")
    func chrome() throws {
        for seed in 0..<100 as Range<UInt64> {
            let record = try ProfileTexts.hello(.chrome, seed: seed)
            let hello = try #require(TLSClientHello(record: record), "seed \(seed)")
            var matcher = Matcher()
            let hasSuites = matcher.matches(Self.suites(of: hello), Self.chromeSuites)
            #expect(hasSuites, "seed \(seed)")
            let names = hello.extensions.map { Self.name($0.type) }
            #expect(names.first == "grease" && names.last == "grease", "seed \(seed)")
            #expect(hello.extensions.first?.body.isEmpty == true, "seed \(seed)")
            #expect(hello.extensions.last.map { Array(record[$0.body]) } == [0], "seed \(seed)")
            #expect(names.dropFirst().dropLast().sorted() == Self.chromeBodies.keys.sorted(), "seed \(seed)")
            for (name, field) in zip(names, hello.extensions) where name != "grease" {
                let patterns = try #require(Self.chromeBodies[name], "seed \(seed)")
                let isRight = patterns.contains { matcher.matches(Array(record[field.body]), $0) }
                #expect(isRight, "seed \(seed), \(name)")
            }
        }
    }

    @Test("safari")
    func safari() throws {
        for seed in 0..<100 as Range<UInt64> {
            let profile = try FakeTLSHelloProfile(text: FakeTLSHelloProfile.safari.text, random: .seeded(seed))
            let record = try ProfileTexts.hello(profile, seed: seed)
            let hello = try #require(TLSClientHello(record: record), "seed \(seed)")
            var matcher = Matcher()
            let suites = Self.suites(of: hello)
            let hasSuites = Self.safariSuites.contains { matcher.matches(suites, $0) }
            #expect(hasSuites, "seed \(seed)")
            #expect(hello.extensions.map { Self.name($0.type) } == Self.safariBodies.map(\.0), "seed \(seed)")
            for (expected, field) in zip(Self.safariBodies, hello.extensions) {
                let isRight = expected.1.contains { matcher.matches(Array(record[field.body]), $0) }
                #expect(isRight, "seed \(seed), \(expected.0)")
            }
        }
    }
}
