// SPDX-License-Identifier: Apache-2.0

import MTProtoCrypto
import MTProtoTransport
import NIOCore
import Testing

/// The rules of `obfuscation.md` §2, §4–§7.
struct ObfuscationTests {
    static let forbidden = [
        "ef01020304050607", "eeeeeeee04050607", "dddddddd04050607", "4845414404050607", "504f535404050607",
        "4745542004050607", "4f50544904050607", "1603010204050607", "1603010004050607", "160301ff04050607",
        "0102030400000000", "5056724704050607",
    ]

    @Test("A forbidden beginning is drawn again", arguments: Self.forbidden)
    func isDrawnAgain(beginning: String) throws {
        let draws = Draws(first: hex(beginning))
        let initiation = try Obfuscation.initiate(
            framing: .intermediate,
            dataCenter: nil,
            secret: nil,
            random: RandomSource { draws.fill($0) }
        )
        #expect(Array(initiation.header.prefix(8)) == [0x11, 0x11, 0x11, 0x11, 0x11, 0x11, 0x11, 0x11])
    }

    @Test(
        "What is close to a forbidden beginning is allowed",
        arguments: [
            "eeef020304050607", "eeeeee0304050607", "dddddd0304050607", "4845414304050607", "1603020204050607",
            "0102030400000001", "0000000001020304",
        ]
    )
    func allowed(beginning: String) throws {
        let draws = Draws(first: hex(beginning))
        let initiation = try Obfuscation.initiate(
            framing: .intermediate,
            dataCenter: nil,
            secret: nil,
            random: RandomSource { draws.fill($0) }
        )
        #expect(Array(initiation.header.prefix(8)) == hex(beginning))
    }

    @Test("100 000 initialization payloads: none with a forbidden beginning, none detected as anything else")
    func manyHeaders() throws {
        let seed: UInt64 = 20_261_121
        let random = RandomSource.seeded(seed)
        let words = Set(Self.forbidden.dropFirst().map { Array(hex($0).prefix(4)) })
        for round in 0..<100_000 {
            let header = try Obfuscation.initiate(
                framing: .abridged,
                dataCenter: nil,
                secret: nil,
                random: random
            ).header
            let isForbidden =
                header[0] == 0xef || header[4..<8].allSatisfy { $0 == 0 } || header.starts(with: [0x16, 3, 1])
                || (words.contains(Array(header[0..<4])) && header[0..<4] != [1, 2, 3, 4])
            if isForbidden || TransportDetection.detect(header) != .obfuscated || header.count != 64 {
                Issue.record("seed \(seed), round \(round)")
            }
        }
    }

    @Test("A random source that gives only forbidden beginnings is given up")
    func exhausted() {
        let error = #expect(throws: ObfuscationError.self) {
            _ = try Obfuscation.initiate(framing: .abridged, dataCenter: nil, secret: nil, random: .fixed([0xef]))
        }
        #expect(error?.code == .randomnessExhausted)
    }

    @Test("Full framing cannot be obfuscated")
    func full() {
        let error = #expect(throws: ObfuscationError.self) {
            _ = try Obfuscation.initiate(framing: .full, dataCenter: nil, secret: nil, random: .system)
        }
        #expect(error?.code == .framingNotObfuscatable)
    }

    @Test(
        "A secret's framing is demanded on both sides",
        arguments: [
            "dd00112233445566778899aabbccddeeff", "ee00112233445566778899aabbccddeeff6578616d706c652e636f6d",
        ]
    )
    func requiredFraming(text: String) throws {
        let secret = try ProxySecret(string: text)
        let plain = try ProxySecret(bytes: secret.key.array)
        for framing in [Framing.abridged, .intermediate, .paddedIntermediate] {
            let isRight = framing == .paddedIntermediate
            let header = try Obfuscation.initiate(
                framing: framing,
                dataCenter: nil,
                secret: plain,
                random: .seeded(5)
            ).header
            let isAccepted = Obfuscation.accept(header, secrets: [secret]) != nil
            #expect(isAccepted == isRight)
            if !isRight {
                let error = #expect(throws: ObfuscationError.self) {
                    _ = try Obfuscation.initiate(framing: framing, dataCenter: nil, secret: secret, random: .system)
                }
                #expect(error?.code == .framingNotAllowedBySecret)
            }
        }
    }

    @Test(
        "Without a data centre the field stays random; with one it holds it",
        arguments: [
            (DataCenterIdentifier(2), "0200"), (DataCenterIdentifier(2, isTest: true), "1227"),
            (DataCenterIdentifier(4, isMedia: true), "fcff"),
            (DataCenterIdentifier(2, isTest: true, isMedia: true), "eed8"),
            (DataCenterIdentifier(203), "cb00"), (nil, "3c3d"),
        ]
    )
    func dataCenter(dataCenter: DataCenterIdentifier?, bytes: String) throws {
        let header = try Obfuscation.initiate(
            framing: .intermediate,
            dataCenter: dataCenter,
            secret: nil,
            random: .fixed((0..<64).map { UInt8($0) })
        ).header
        guard let acceptance = Obfuscation.accept(header, secrets: [nil]) else {
            Issue.record("not accepted")
            return
        }
        let raw = acceptance.dataCenter
        #expect([UInt8(truncatingIfNeeded: raw), UInt8(truncatingIfNeeded: raw >> 8)] == hex(bytes))
    }

    @Test("Every obfuscatable framing is accepted with the right secret, and only with it")
    func secrets() throws {
        let random = RandomSource.seeded(9)
        let secrets = try (0..<4).map { _ in try ProxySecret(bytes: random.bytes(16)) }
        for framing in Framing.allCases where framing.isObfuscatable {
            for (index, secret) in secrets.enumerated() {
                let header = try Obfuscation.initiate(
                    framing: framing,
                    dataCenter: DataCenterIdentifier(2),
                    secret: secret,
                    random: random
                ).header
                guard let accepted = Obfuscation.accept(header, secrets: secrets) else {
                    Issue.record("not accepted")
                    return
                }
                #expect(accepted.secretIndex == index)
                #expect(accepted.framing == framing)
                let others = secrets.enumerated().filter { $0.offset != index }.map(\.element)
                let isAcceptedByOthers = Obfuscation.accept(header, secrets: others + [nil]) != nil
                #expect(!isAcceptedByOthers)
            }
        }
    }

    @Test("Anything but 64 bytes is refused", arguments: [0, 1, 63, 65])
    func length(count: Int) {
        let isAccepted = Obfuscation.accept([UInt8](repeating: 1, count: count), secrets: [nil]) != nil
        #expect(!isAccepted)
    }

    @Test("The key streams go on from byte to byte, whatever the pieces")
    func pieces() throws {
        let seed: UInt64 = 77
        let random = RandomSource.seeded(seed)
        for round in 0..<50 {
            var client = try Obfuscation.initiate(framing: .abridged, dataCenter: nil, secret: nil, random: random)
            guard var server = Obfuscation.accept(client.header, secrets: [nil]) else {
                Issue.record("seed \(seed), round \(round)")
                return
            }
            let plain = random.bytes(300)
            var wire: [UInt8] = []
            var rest = plain[...]
            while !rest.isEmpty {
                var piece = ByteBuffer(bytes: rest.prefix(random.integer(in: 0...40)))
                rest = rest.dropFirst(piece.readableBytes)
                client.obfuscation.encrypt(&piece)
                wire += piece.bytes
            }
            var whole = ByteBuffer(bytes: wire)
            server.obfuscation.decrypt(&whole)
            #expect(whole.bytes == plain, "seed \(seed), round \(round)")
        }
    }
}

/// Gives one beginning at the first draw, and 11 11 … ever after.
private final class Draws: Sendable {
    private let first: [UInt8]
    private let count = Counter()

    init(first: [UInt8]) {
        self.first = first
    }

    func fill(_ target: UnsafeMutableRawBufferPointer) {
        let isFirst = self.count.next() == 0
        for index in target.indices {
            target[index] = isFirst && index < self.first.count ? self.first[index] : 0x11
        }
    }
}
