// SPDX-License-Identifier: Apache-2.0

internal import MTProtoCrypto

/// Reads the text of ``FakeTLSHelloProfile``.
struct FakeTLSProfileParser {
    static let firstLine = "fake-tls-hello 1"
    private static let firstLineOfShort = "fake-tls-hello 1 short"
    private static let once = "once"
    static let maximumDepth = 16
    static let maximumPartCount = 64
    private static let maximumCount = 2048
    private static let maximumAlternatives = 64

    private struct Word {
        var text: String
        var line: Int
        var column: Int

        func error(_ code: FakeTLSProfileError.Code) -> FakeTLSProfileError {
            FakeTLSProfileError(code, line: self.line, column: self.column)
        }
    }

    /// The lines that hold anything, as their words.
    private var lines: ArraySlice<[Word]>

    struct Profile {
        let elements: [FakeTLSHelloElement]
        /// Whether hellos may be shorter than most proxies take.
        let allowsShort: Bool
    }

    static func parse(_ text: String) throws(FakeTLSProfileError) -> Profile {
        guard text.utf8.count <= FakeTLSHelloProfile.maximumTextLength else { throw FakeTLSProfileError(.textTooLong) }
        var parser = FakeTLSProfileParser(lines: Self.lines(of: text)[...])
        let first = parser.lines.popFirst().map { $0.map(\.text).joined(separator: " ") }
        guard let first, first == Self.firstLine || first == Self.firstLineOfShort else {
            throw FakeTLSProfileError(.unsupportedVersion)
        }
        let elements = try parser.elements(depth: 0)
        guard let line = parser.lines.first else {
            return Profile(elements: elements, allowsShort: first == Self.firstLineOfShort)
        }
        throw line[0].error(.unexpectedEnd)
    }

    private static func lines(of text: String) -> [[Word]] {
        var lines: [[Word]] = []
        for (index, line) in text.utf8.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false)
            .enumerated()
        {
            let content = line.prefix { $0 != UInt8(ascii: "#") }
            let words = content.split {
                $0 == UInt8(ascii: " ") || $0 == UInt8(ascii: "\t") || $0 == UInt8(ascii: "\r")
            }
            guard !words.isEmpty else { continue }
            lines.append(
                words.map { word in
                    let column = content.distance(from: content.startIndex, to: word.startIndex) + 1
                    return Word(text: String(decoding: word, as: UTF8.self), line: index + 1, column: column)
                }
            )
        }
        return lines
    }

    /// Reads until an `end`, which is left, or the end of the text.
    private mutating func elements(depth: Int) throws(FakeTLSProfileError) -> [FakeTLSHelloElement] {
        var elements: [FakeTLSHelloElement] = []
        while let line = self.lines.first, line[0].text != "end" {
            self.lines = self.lines.dropFirst()
            elements.append(try self.element(line, depth: depth))
        }
        return elements
    }

    private mutating func element(_ line: [Word], depth: Int) throws(FakeTLSProfileError) -> FakeTLSHelloElement {
        let kind = try self.kind(line, depth: depth)
        return FakeTLSHelloElement(kind: kind, line: line[0].line, column: line[0].column)
    }

    private mutating func kind(_ line: [Word], depth: Int) throws(FakeTLSProfileError) -> FakeTLSHelloElement.Kind {
        switch line[0].text {
        case "bytes": return .bytes(try Self.bytes(line))
        case "random":
            return .random(try Self.numbers(line, in: 1...Self.maximumCount, atMost: Self.maximumAlternatives))
        case "zeros": return .zeros(try Self.number(line, in: 1...Self.maximumCount))
        case "grease": return .grease(try Self.number(line, in: 0...(FakeTLSHelloElement.greaseCount - 1)))
        case "padding": return .padding(try Self.number(line, in: 1...TLSRecord.maximumPlaintextLength))
        case "domain": return try Self.bare(.domain, line)
        case "x25519": return try Self.bare(.x25519, line)
        case "mlkem768": return try Self.bare(.mlkem768, line)
        case "scope": return .scope(try self.block(line, depth: depth))
        case "shuffle": return .shuffle(try self.parts(line, depth: depth))
        case "choose" where line.count > 1 && line[1].text == Self.once:
            return .chooseOnce(try self.parts(line, depth: depth, valueCount: 1))
        case "choose": return .choose(try self.parts(line, depth: depth))
        default: throw line[0].error(.unknownWord)
        }
    }

    /// An element without values.
    private static func bare(
        _ kind: FakeTLSHelloElement.Kind,
        _ line: [Word]
    ) throws(FakeTLSProfileError) -> FakeTLSHelloElement.Kind {
        try self.checkEnd(of: line, behind: 1)
        return kind
    }

    /// Reads the elements of a block and its `end`.
    private mutating func block(_ opening: [Word], depth: Int) throws(FakeTLSProfileError) -> [FakeTLSHelloElement] {
        try self.begin(opening, depth: depth)
        let elements = try self.elements(depth: depth + 1)
        try self.end(opening)
        return elements
    }

    private mutating func parts(
        _ opening: [Word],
        depth: Int,
        valueCount: Int = 0
    ) throws(FakeTLSProfileError) -> [[FakeTLSHelloElement]] {
        try self.begin(opening, depth: depth, valueCount: valueCount)
        var parts: [[FakeTLSHelloElement]] = []
        while let line = self.lines.first, line[0].text != "end" {
            guard line[0].text == "part" else { throw line[0].error(.unknownWord) }
            guard parts.count < Self.maximumPartCount else { throw line[0].error(.tooManyParts) }
            self.lines = self.lines.dropFirst()
            parts.append(try self.block(line, depth: depth + 1))
        }
        try self.end(opening)
        guard !parts.isEmpty else { throw opening[0].error(.missingPart) }
        return parts
    }

    private func begin(_ opening: [Word], depth: Int, valueCount: Int = 0) throws(FakeTLSProfileError) {
        try Self.checkEnd(of: opening, behind: 1 + valueCount)
        guard depth < Self.maximumDepth else { throw opening[0].error(.tooDeep) }
    }

    private mutating func end(_ opening: [Word]) throws(FakeTLSProfileError) {
        guard let line = self.lines.popFirst() else { throw opening[0].error(.missingEnd) }
        try Self.checkEnd(of: line, behind: 1)
    }

    private static func checkEnd(of line: [Word], behind count: Int) throws(FakeTLSProfileError) {
        if line.count > count { throw line[count].error(.unexpectedValue) }
    }

    private static func bytes(_ line: [Word]) throws(FakeTLSProfileError) -> [UInt8] {
        guard line.count > 1 else { throw line[0].error(.missingValue) }
        var bytes: [UInt8] = []
        for word in line.dropFirst() {
            guard let decoded = Hexadecimal.bytes(word.text) else { throw word.error(.invalidValue) }
            bytes += decoded
        }
        return bytes
    }

    private static func number(_ line: [Word], in range: ClosedRange<Int>) throws(FakeTLSProfileError) -> Int {
        try self.numbers(line, in: range, atMost: 1)[0]
    }

    private static func numbers(
        _ line: [Word],
        in range: ClosedRange<Int>,
        atMost count: Int
    ) throws(FakeTLSProfileError) -> [Int] {
        guard line.count > 1 else { throw line[0].error(.missingValue) }
        try self.checkEnd(of: line, behind: 1 + count)
        var numbers: [Int] = []
        for word in line.dropFirst() {
            guard word.text.utf8.allSatisfy({ 0x30...0x39 ~= $0 }), let number = Int(word.text), range ~= number else {
                throw word.error(.invalidValue)
            }
            numbers.append(number)
        }
        return numbers
    }
}
