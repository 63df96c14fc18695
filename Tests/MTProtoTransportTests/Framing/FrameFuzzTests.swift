// SPDX-License-Identifier: Apache-2.0

import MTProtoCrypto
import MTProtoTransport
import NIOCore
import Testing

/// Foreign bytes must never trap, and a decoder must always make progress.
struct FrameFuzzTests {
    /// Lengths, words and counts at which something changes.
    static let interestingWords: [UInt32] = [
        0, 1, 2, 3, 4, 5, 7, 8, 12, 15, 16, 17, 19, 20, 24, 71, 72, 88, 0x7f, 0x80, 0xff, 0xef, 0x7fff_ffff,
        0x8000_0000, 0x8000_0004, 0xffff_ffff, 0xffff_fe6c, 0xffff_fc18, 0x7fff_fffc, 0x0fff_ff7f, 0xffff_ff7f,
    ]

    static func input(_ random: RandomSource) -> [UInt8] {
        var bytes: [UInt8] = []
        for _ in 0..<random.integer(in: 0...6) {
            switch random.integer(in: 0...3) {
            case 0:
                bytes += random.bytes(random.integer(in: 0...40))
            case 1:
                bytes += [UInt8](repeating: 0, count: random.integer(in: 1...24))
            default:
                let word = Self.interestingWords[random.integer(in: 0...(Self.interestingWords.count - 1))]
                bytes += (0..<4).map { UInt8(truncatingIfNeeded: word >> (8 * UInt32($0))) }
            }
        }
        return bytes
    }

    @Test("Random bytes into every decoder", arguments: Framing.allCases, [Role.client, .server])
    func decoder(framing: Framing, role: Role) {
        let seed: UInt64 = 20_261_121
        let random = RandomSource.seeded(seed)
        let limits = [0, 4, 40, 1 << 20, Int.max]
        for round in 0..<4000 {
            let bytes = Self.input(random)
            let limit = limits[round % limits.count]
            var decoder = FrameDecoder(framing: framing, role: role, maximumPayloadLength: limit)
            decoder.authorizationKeyIdentifier = round % 2 == 0 ? nil : random.integer()
            var buffer = ByteBuffer(bytes: bytes)
            while true {
                let before = buffer.readableBytes
                guard let result = try? decoder.decode(&buffer) else { break }
                if case .needMore(let needed) = result {
                    #expect(needed > before, "seed \(seed), round \(round)")
                    #expect(buffer.readableBytes == before, "seed \(seed), round \(round)")
                    break
                }
                #expect(buffer.readableBytes < before, "seed \(seed), round \(round)")
                if case .frame(let payload, _) = result {
                    #expect(payload.readableBytes % 4 == 0 && payload.readableBytes <= limit)
                    #expect(payload.readableBytes > 4, "seed \(seed), round \(round)")
                }
            }
        }
    }

    @Test("Random payloads go through every framing unchanged, or are refused", arguments: Framing.allCases)
    func encoder(framing: Framing) throws {
        let seed: UInt64 = 7
        let random = RandomSource.seeded(seed)
        var encoder = FrameEncoder(framing: framing, role: .client, random: random)
        var decoder = FrameDecoder(framing: framing, role: .server, maximumPayloadLength: 1 << 20)
        for round in 0..<2000 {
            let length = random.integer(in: 0...600)
            var payload = random.bytes(length)
            if length >= 24, round % 3 == 0 {
                payload = Payloads.plaintext(body: length / 4 * 4)
            } else if round % 3 == 1 {
                payload = Payloads.encrypted(blocks: 3 + length / 16, seed: UInt64(round))
            }
            let wantsQuickAck = framing != .full && round % 5 == 0
            var buffer = ByteBuffer.payload(payload, headroom: round % 12)
            guard (try? encoder.encode(&buffer, requestQuickAck: wantsQuickAck)) != nil else {
                #expect(buffer.bytes == payload, "seed \(seed), round \(round)")
                continue
            }
            let expected = FrameDecodingResult.frame(ByteBuffer(bytes: payload), quickAckRequested: wantsQuickAck)
            #expect(try decoder.decode(&buffer) == expected, "seed \(seed), round \(round)")
        }
    }
}
