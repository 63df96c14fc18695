// SPDX-License-Identifier: Apache-2.0

import MTProtoTestSupport
import NIOCore
import Testing

/// What each fault makes of the bytes of one direction.
@Suite struct FaultyLineTests {
    private static func bytes(_ text: String) -> ByteBuffer { ByteBuffer(string: text) }

    /// Everything that happens to two pieces and the end.
    private static func steps(_ faults: LineFaults, _ pieces: [String] = ["abc", "defg"]) -> [FaultyLine.Step] {
        var line = FaultyLine(faults)
        return line.start() + pieces.flatMap { line.receive(Self.bytes($0)) } + line.end()
    }

    @Test("Without faults bytes pass as they come")
    func none() {
        #expect(Self.steps(LineFaults()) == [.write(Self.bytes("abc")), .write(Self.bytes("defg")), .endOutput])
        #expect(Self.steps(LineFaults(), []) == [.endOutput])
    }

    @Test(
        "A cut, before any byte, inside a piece, between two and behind all",
        arguments: [
            (0, []), (2, ["ab"]), (3, ["abc"]), (5, ["abc", "de"]), (7, ["abc", "defg"]),
        ] as [(Int, [String])]
    )
    func cut(offset: Int, passed: [String]) {
        let writes = passed.map { FaultyLine.Step.write(Self.bytes($0)) }
        func steps(_ cut: LineFaults.Cut) -> [FaultyLine.Step] { Self.steps(.cut(cut, after: offset)) }
        #expect(steps(.reset) == writes + [.reset, .close])
        #expect(steps(.close) == writes + [.close, .close])
        #expect(steps(.halfClose) == writes + [.endOutput])
        #expect(steps(.blackHole) == writes + [.close])
        #expect(steps(.stall) == writes + [.stopReading, .close])
        #expect(steps(.garbage([1, 2])) == writes + [.write(ByteBuffer(bytes: [1, 2])), .close])
    }

    @Test("A cut behind more bytes than come is none")
    func lateCut() {
        #expect(Self.steps(.cut(.reset, after: 8)) == Self.steps(LineFaults()))
    }

    @Test("Trickled bytes come in small writes")
    func trickle() {
        let pieces = ["ab", "c", "de", "fg"].map { FaultyLine.Step.write(Self.bytes($0)) }
        #expect(Self.steps(.trickle(2)) == pieces + [.endOutput])
    }

    @Test("Glued bytes come in one write, when there are enough or no more come")
    func glue() {
        #expect(
            Self.steps(.glue(5), ["ab", "c", "de", "f"]) == [
                .write(Self.bytes("abcde")), .write(Self.bytes("f")), .endOutput,
            ]
        )
        #expect(Self.steps(.glue(100)) == [.write(Self.bytes("abcdefg")), .endOutput])
    }

    @Test("A preamble comes in one write with the first bytes")
    func preamble() {
        let faults = LineFaults.preamble(Array("xy".utf8))
        #expect(Self.steps(faults) == [.write(Self.bytes("xyabc")), .write(Self.bytes("defg")), .endOutput])
    }

    @Test("Garbage is the same for the same seed")
    func garbage() {
        #expect(Garbage.bytes(100) == Garbage.bytes(100))
        #expect(Garbage.bytes(100) != Garbage.bytes(100, seed: 2))
        #expect(Garbage.bytes(200).prefix(100).elementsEqual(Garbage.bytes(100)))
    }
}
