// SPDX-License-Identifier: Apache-2.0

import MTProtoCrypto
import MTProtoTransport
import NIOCore
import Testing

struct FakeTLSHelloProfileTests {
    @Test("Comments, spaces, empty lines and carriage returns are free")
    func freeForm() throws {
        let text =
            "# a profile\r\n\r\n  fake-tls-hello\t1 short # first\r\n\tscope\r\nbytes 13 01 1302\r\nend#\r\nbytes 01\r\n\r\nbytes 00\r\n"
            + "scope\r\n" + ProfileTexts.serverName.joined(separator: "\r\n") + "\r\nend\r\n\r\n"
        let profile = try FakeTLSHelloProfile(text: text)
        #expect(profile.text == text)
        let record = try ProfileTexts.hello(profile, seed: 1)
        #expect(TLSClientHello(record: record)?.cipherSuites == [0x1301, 0x1302])
        #expect(record.count == 76 + 6 + 2 + 2 + 20)
    }

    @Test("Every element makes what it says")
    func elements() throws {
        let lines = [
            "grease 14", "scope", "zeros 3", "random 4", "end", "bytes 0001", "scope", "choose", "part", "x25519",
            "end", "end", "end", "shuffle", "part", "bytes 0002 0000", "end", "part", "bytes 0003 0000", "end", "end",
            "bytes 0004", "scope", "mlkem768", "end",
        ]
        let text = ProfileTexts.text(before: lines, after: ["padding 2000"])
        let record = try ProfileTexts.hello(FakeTLSHelloProfile(text: text), seed: 2)
        let fields = try #require(TLSClientHello(record: record))
        #expect(record.count == 2000)
        #expect(fields.extensions.map(\.body.count).prefix(2) == [7, 32])
        #expect(Set(fields.extensions[2...3].map(\.type)) == [2, 3])
        #expect(fields.serverName == Array("example.com".utf8))
        #expect(fields.extensions[4].body.count == 1184)
        #expect(fields.extensions[6].type == 0x15)
        #expect(record[fields.extensions[0].body].prefix(3) == [0, 0, 0])
        #expect(record[fields.extensions[6].body].allSatisfy { $0 == 0 })
    }

    @Test("Padding is left out where it would not fit", arguments: [104, 107, 108, 109, 112])
    func shortPadding(total: Int) throws {
        let profile = try FakeTLSHelloProfile(text: ProfileTexts.text(after: ["padding \(total)"]))
        // 104 bytes without; an extension takes 4 and has one byte at least.
        #expect(try ProfileTexts.hello(profile, seed: 3).count == (total > 108 ? total : 104))
    }

    @Test("The longest hello, and one more byte")
    func longest() throws {
        func text(_ zeros: Int) -> String {
            let body = [String](repeating: "zeros 2048", count: 7) + ["zeros \(zeros)"]
            return ProfileTexts.text(after: ["bytes 0001", "scope"] + body + ["end"])
        }
        let domain = String(repeating: "d", count: 182)
        let record = try ProfileTexts.hello(FakeTLSHelloProfile(text: text(1774)), domain: domain, seed: 4)
        #expect(record.count == 16_389 && TLSClientHello(record: record) != nil)
        let error = #expect(throws: FakeTLSProfileError.self) { try FakeTLSHelloProfile(text: text(1775)) }
        #expect(error?.code == .helloTooLong)
        #expect(error?.line == 25)
    }

    @Test("512 bytes at least, with the shortest domain, unless the text says otherwise")
    func shortest() throws {
        let profile = try FakeTLSHelloProfile(text: ProfileTexts.text(isShort: false, after: ["padding 512"]))
        #expect(try ProfileTexts.hello(profile, domain: "d", seed: 5).count == 512)
        // Without padding 94 bytes and the domain's others.
        for lines in [["padding 511"], [], ["bytes 0001", "scope", "zeros 413", "end"]] {
            let error = #expect(throws: FakeTLSProfileError.self) {
                try FakeTLSHelloProfile(text: ProfileTexts.text(isShort: false, after: lines))
            }
            #expect(error?.code == .helloTooShort)
            _ = try FakeTLSHelloProfile(text: ProfileTexts.text(after: lines))
        }
        let unpadded = ProfileTexts.text(isShort: false, after: ["bytes 0001", "scope", "zeros 414", "end"])
        #expect(try ProfileTexts.hello(FakeTLSHelloProfile(text: unpadded), domain: "d", seed: 6).count == 512)
        // Where nothing is padded because 4 bytes are too few, the record is shorter than the padding says.
        let unlucky = ["bytes 0001", "scope", "zeros 400", "end", "padding 513"]
        #expect(throws: FakeTLSProfileError.self) {
            try FakeTLSHelloProfile(text: ProfileTexts.text(isShort: false, after: unlucky))
        }
    }

    @Test("What is chosen once is the same in all hellos of a profile, and not in all profiles")
    func choosesOnce() throws {
        let text = ProfileTexts.text(after: [
            "choose once", "part", "bytes 0001 0000", "end", "part", "bytes 0002 0000", "end", "end",
        ])
        var found: Set<[UInt16]> = []
        for seed in 0..<40 as Range<UInt64> {
            let profile = try FakeTLSHelloProfile(text: text, random: .seeded(seed))
            var types: Set<[UInt16]> = []
            for helloSeed in 0..<20 as Range<UInt64> {
                let record = try ProfileTexts.hello(profile, seed: helloSeed)
                types.insert(try #require(TLSClientHello(record: record)).extensions.map(\.type))
            }
            #expect(types.count == 1, "seed \(seed)")
            found.formUnion(types)
        }
        #expect(found == [[0, 1], [0, 2]])
    }

    @Test("Accepted: whole extensions in every order and choice", arguments: ProfileTexts.accepted)
    func accepts(lines: [String]) throws {
        let profile = try FakeTLSHelloProfile(text: ProfileTexts.text(before: lines))
        for seed in 0..<50 as Range<UInt64> {
            let record = try ProfileTexts.hello(profile, seed: seed)
            #expect(TLSClientHello(record: record)?.serverName == Array("example.com".utf8), "seed \(seed)")
        }
    }

    @Test("What is refused, and where", arguments: ProfileTexts.refusals)
    func refuses(refusal: ProfileTexts.Refusal) {
        let error = #expect(throws: FakeTLSProfileError.self) { try FakeTLSHelloProfile(text: refusal.text) }
        #expect(error?.code == refusal.code)
        #expect(error.map { [$0.line, $0.column] } == [refusal.line, refusal.column])
        #expect(error?.description.hasPrefix("\(refusal.line):\(refusal.column): ") == true)
    }

    @Test("Random changes of a built-in text never trap")
    func fuzz() throws {
        let random = RandomSource.seeded(12)
        let text = Array(FakeTLSHelloProfile.chrome.text.utf8)
        for round in 0..<300 {
            var changed = text
            for _ in 0..<random.integer(in: 1...3) {
                let index = random.integer(in: 0...(changed.count - 1))
                switch random.integer(in: 0...2) {
                case 0: changed[index] = text[random.integer(in: 0...(text.count - 1))]
                case 1: changed.remove(at: index)
                default: changed.insert(text[random.integer(in: 0...(text.count - 1))], at: index)
                }
            }
            guard let profile = try? FakeTLSHelloProfile(text: String(decoding: changed, as: UTF8.self)) else {
                continue
            }
            let record = try ProfileTexts.hello(profile, seed: 1)
            #expect(TLSClientHello(record: record) != nil, "seed 12, round \(round)")
        }
    }

    @Test("Whatever is accepted makes good hellos, however chance turns out", arguments: 1...8 as ClosedRange<UInt64>)
    func soundness(seed: UInt64) throws {
        let random = RandomSource.seeded(seed)
        var accepted = 0
        for round in 0..<500 {
            let lines = ProfileTexts.randomExtensions(random, depth: 0)
            let isPadded = random.integer(in: 0...3) == 0
            let text = ProfileTexts.text(
                before: lines,
                after: isPadded ? ["padding \(random.integer(in: 90...900))"] : []
            )
            guard let profile = try? FakeTLSHelloProfile(text: text, random: random) else { continue }
            accepted += 1
            for helloSeed in 0..<12 as Range<UInt64> {
                let record = try ProfileTexts.hello(profile, seed: helloSeed)
                let hello = TLSClientHello(record: record)
                guard hello?.serverName == Array("example.com".utf8), record.count <= 16_389 else {
                    Issue.record("seed \(seed), round \(round), hello \(helloSeed):\n\(text)")
                    return
                }
            }
        }
        #expect(accepted > 50, "seed \(seed)")
    }
}
