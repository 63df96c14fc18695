// SPDX-License-Identifier: Apache-2.0

import MTProtoCrypto
import MTProtoTransport
import NIOCore
import Synchronization
import Testing

/// `obfuscation.md` §10.1, §10.2, §10.6 and §10.8.
struct FakeTLSClientHelloTests {
    static let profiles: [(String, FakeTLSHelloProfile)] = [
        ("chrome", .chrome), ("safari", .safari), ("compact", .compact),
    ]

    private static func secret(domain: String = "example.com") throws -> ProxySecret {
        try ProxySecret(kind: .fakeTLS(domain: domain), key: FakeTLSVectors.secret().key)
    }

    /// The bodies of a hello's extensions by type.
    private static func extensions(of record: [UInt8]) throws -> [UInt16: [UInt8]] {
        let hello = try #require(TLSClientHello(record: record))
        return Dictionary(uniqueKeysWithValues: hello.extensions.map { ($0.type, Array(record[$0.body])) })
    }

    private static func isReserved(_ type: UInt16) -> Bool {
        type & 0x0f0f == 0x0a0a && type >> 8 == type & 0xff
    }

    @Test("The vector")
    func vector() throws {
        let hello = try FakeTLSClientHello(
            secret: FakeTLSVectors.secret(),
            unixTime: FakeTLSVectors.unixTime,
            profile: FakeTLSVectors.profile(),
            random: FakeTLSVectors.source()
        )
        #expect(hello.record.bytes == FakeTLSVectors.hello)
        #expect(hello.random.array == FakeTLSVectors.random)
    }

    @Test("A server finds the digest and the time, and nothing with another key or a changed byte")
    func digest() throws {
        let key = try FakeTLSVectors.secret().key
        let record = ByteBuffer(bytes: FakeTLSVectors.hello)
        #expect(FakeTLSDigest.unixTime(of: record, key: key) == UInt32(FakeTLSVectors.unixTime))
        #expect(FakeTLSDigest.random(in: record)?.array == FakeTLSVectors.random)
        #expect(FakeTLSDigest.unixTime(of: record, key: Bytes16()) == nil)
        for index in Array(0..<39) + Array(43..<60) + [516] {
            var changed = record
            changed.setInteger(FakeTLSVectors.hello[index] ^ 1, at: index)
            #expect(FakeTLSDigest.unixTime(of: changed, key: key) == nil, "byte \(index)")
        }
        var later = record
        later.setInteger(FakeTLSVectors.hello[39] ^ 1, at: 39)
        #expect(FakeTLSDigest.unixTime(of: later, key: key) == UInt32(FakeTLSVectors.unixTime) ^ 1)
        for count in [0, 11, 42] {
            let short = ByteBuffer(bytes: FakeTLSVectors.hello.prefix(count))
            #expect(FakeTLSDigest.unixTime(of: short, key: key) == nil)
            #expect(FakeTLSDigest.random(in: short) == nil)
            #expect(FakeTLSDigest.clientRandom(for: short, key: key, unixTime: 0) == nil)
            #expect(FakeTLSDigest.serverRandom(for: short, answering: Bytes32(), key: key) == nil)
        }
    }

    @Test("Times that do not fit 32 bits", arguments: [0, -1, 4_294_967_295, 4_294_967_296, Int64.max, Int64.min])
    func times(unixTime: Int64) throws {
        let hello = try FakeTLSClientHello(
            secret: Self.secret(),
            unixTime: unixTime,
            profile: .compact,
            random: .seeded(3)
        )
        let found = FakeTLSDigest.unixTime(of: hello.record, key: try Self.secret().key)
        #expect(found == UInt32(truncatingIfNeeded: unixTime))
    }

    @Test("Every built-in profile makes hellos as proxies want them", arguments: Self.profiles, [1, 11, 182])
    func referenceRules(profile: (String, FakeTLSHelloProfile), domainLength: Int) throws {
        let domain = String(repeating: "d", count: domainLength)
        var seen: Set<[UInt8]> = []
        for seed in 0..<40 as Range<UInt64> {
            let hello = try FakeTLSClientHello(
                secret: Self.secret(domain: domain),
                unixTime: 1_700_000_000,
                profile: profile.1,
                random: .seeded(seed)
            )
            let record = hello.record.bytes
            let fields = try #require(TLSClientHello(record: record), "seed \(seed)")
            #expect(fields.serverName == Array(domain.utf8), "seed \(seed)")
            #expect(fields.sessionIdentifier.count == 32, "seed \(seed)")
            #expect(fields.cipherSuites.first { !Self.isReserved($0) }.map { $0 >> 8 } == 0x13, "seed \(seed)")
            #expect(record.count >= 512, "seed \(seed)")
            #expect(fields.extensions.filter { Self.isReserved($0.type) }.count == 2, "seed \(seed)")
            let time = FakeTLSDigest.unixTime(of: hello.record, key: try Self.secret().key)
            #expect(time == 1_700_000_000, "seed \(seed)")
            #expect(seen.insert(record).inserted, "seed \(seed)")
            let lengths: [Int] =
                switch profile.0 {
                case "chrome": (0...3).map { 1710 + domainLength + 32 * $0 }
                case "safari": [1506, 1509, 1520, 1523].map { $0 + domainLength }
                default: [517]
                }
            #expect(lengths.contains(record.count), "seed \(seed)")
        }
    }

    @Test("The groups begin with the reserved value that the key shares begin with; pairs differ, others need not")
    func reservedValues() throws {
        let lines = ["bytes 0001", "scope"] + (0...15).map { "grease \($0)" } + ["end"]
        let profile = try FakeTLSHelloProfile(text: ProfileTexts.text(before: lines))
        var equalNeighbours = 0
        for seed in 0..<100 as Range<UInt64> {
            let hello = try FakeTLSClientHello(secret: Self.secret(), unixTime: 0, random: .seeded(seed))
            let extensions = try Self.extensions(of: hello.record.bytes)
            let groups = try #require(extensions[0x0a])
            let share = try #require(extensions[0x33])
            #expect(groups[2..<4] == share[2..<4], "seed \(seed)")
            let versions = try #require(extensions[0x2b])
            for value in [Array(groups[2..<4]), Array(versions[1..<3])] {
                #expect(value[0] == value[1] && value[0] & 0x0f == 0x0a, "seed \(seed)")
            }
            let values = try #require(Self.extensions(of: ProfileTexts.hello(profile, seed: seed))[1])
            for pair in stride(from: 0, to: 32, by: 4) {
                #expect(values[pair] == values[pair + 1] && values[pair + 2] == values[pair + 3], "seed \(seed)")
                #expect(values[pair] & 0x0f == 0x0a && values[pair + 2] & 0x0f == 0x0a, "seed \(seed)")
                #expect(values[pair] != values[pair + 2], "seed \(seed), pair \(pair / 4)")
                if pair > 0, values[pair] == values[pair - 2] { equalNeighbours += 1 }
            }
        }
        #expect(equalNeighbours > 0)
    }

    @Test("Chance reaches every order and length of chrome, and every choice of safari, which stays")
    func chances() throws {
        var lengths: Set<Int> = []
        var firsts: Set<UInt16> = []
        for seed in 0..<400 as Range<UInt64> {
            let chrome = try ProfileTexts.hello(.chrome, seed: seed)
            lengths.insert(chrome.count)
            firsts.insert(try #require(TLSClientHello(record: chrome), "seed \(seed)").extensions[1].type)
        }
        #expect(lengths == [1721, 1753, 1785, 1817])
        #expect(firsts.count == 16)
        var choices: Set<[Int]> = []
        for seed in 0..<60 as Range<UInt64> {
            let profile = try FakeTLSHelloProfile(text: FakeTLSHelloProfile.safari.text, random: .seeded(seed))
            choices.insert(try Self.choices(of: profile, "seed \(seed)"))
        }
        #expect(choices == [[14, 11], [14, 14], [21, 11], [21, 14]])
        _ = try Self.choices(of: .safari, "the built-in one")
    }

    /// The number of suites and the length of the protocols in all hellos of a profile.
    private static func choices(of profile: FakeTLSHelloProfile, _ name: String) throws -> [Int] {
        var found: Set<[Int]> = []
        for seed in 0..<40 as Range<UInt64> {
            let record = try ProfileTexts.hello(profile, seed: seed)
            let hello = try #require(TLSClientHello(record: record), "\(name), hello \(seed)")
            found.insert([hello.cipherSuites.count, try #require(Self.extensions(of: record)[0x10]).count])
        }
        #expect(found.count == 1, "\(name)")
        return try #require(found.first)
    }

    @Test("The keys are of the form that keys have, and those of X25519 belong to private keys")
    func keys() throws {
        for seed in 0..<8 as Range<UInt64> {
            let seeded = RandomSource.seeded(seed)
            let privateKeys = Mutex<[Bytes32]>([])
            let recorder = RandomSource { target in
                seeded.fill(target)
                guard let bytes = Bytes32(target) else { return }
                privateKeys.withLock { $0.append(bytes) }
            }
            let hello = try FakeTLSClientHello(secret: Self.secret(), unixTime: 0, random: recorder)
            let share = try #require(Self.extensions(of: hello.record.bytes)[0x33])
            let mlkem = Array(share[11..<(11 + 1184)])
            var coefficients: [Int] = []
            for start in stride(from: 0, to: 1152, by: 3) {
                coefficients.append(Int(mlkem[start]) | Int(mlkem[start + 1] & 15) << 8)
                coefficients.append(Int(mlkem[start + 1]) >> 4 | Int(mlkem[start + 2]) << 4)
            }
            // The highest of 768 is close to the modulus, or they are not all in their range.
            #expect((3200..<3329).contains(coefficients.max() ?? 0), "seed \(seed)")
            #expect((coefficients.min() ?? 0) < 128, "seed \(seed)")
            let publicKeys = Set(privateKeys.withLock { $0 }.map { X25519.publicKey(privateKey: $0).array })
            let shared = [Array(share[1195..<1227]), Array(share[1231..<1263])]
            #expect(shared.allSatisfy { publicKeys.contains($0) }, "seed \(seed)")
            #expect(shared[0] != shared[1], "seed \(seed)")
        }
    }

    @Test(
        "Other secrets than those of FakeTLS",
        arguments: ["00112233445566778899aabbccddeeff", "dd00112233445566778899aabbccddeeff"]
    )
    func otherSecrets(text: String) throws {
        let secret = try ProxySecret(string: text)
        let error = #expect(throws: FakeTLSError.self) { try FakeTLSClientHello(secret: secret, unixTime: 0) }
        #expect(error?.code == .notFakeTLSSecret)
        #expect(throws: FakeTLSError.self) { try FakeTLSClientHandshake(secret: secret, clock: { 0 }) }
    }
}
