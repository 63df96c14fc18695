// SPDX-License-Identifier: Apache-2.0

import Foundation
import MTProtoCrypto
import Testing

@Suite struct FixedBytesTests {
    @Test(arguments: [0, 1, 15, 17, 20, 32])
    func sixteenBytesTakeNoOtherNumber(count: Int) {
        #expect(Bytes16([UInt8](repeating: 1, count: count)) == nil)
    }

    @Test(arguments: [0, 16, 31, 33])
    func thirtyTwoBytesTakeNoOtherNumber(count: Int) {
        #expect(Bytes32([UInt8](repeating: 1, count: count)) == nil)
    }

    @Test func bytesStayInTheOrderOfTheWire() throws {
        let sixteen = try #require(Bytes16((0..<16).map { UInt8($0) }))
        #expect(sixteen.array == Array(0..<16))
        #expect(sixteen.hex == "000102030405060708090a0b0c0d0e0f")
        let twenty = try #require(Bytes20((0..<20).map { UInt8($0) }))
        #expect(twenty.array == Array(0..<20))
        let thirtyTwo = try #require(Bytes32((0..<32).map { UInt8($0) }))
        #expect(thirtyTwo.array == Array(0..<32))
        #expect(thirtyTwo.array.withUnsafeBytes { Bytes32($0) } == thirtyTwo)
        #expect(Bytes32().array == [UInt8](repeating: 0, count: 32))
    }

    @Test(arguments: 0..<32)
    func everyByteCountsInComparison(index: Int) throws {
        let value = Bytes32()
        var other = value
        other.withUnsafeMutableBytes { $0[index] = 1 }
        #expect(value != other)
        #expect(!value.isEqualInConstantTime(to: other))
        #expect((value ^ other).array == other.array)
        #expect((other ^ other).isEqualInConstantTime(to: value))
    }

    @Test(arguments: 0..<20)
    func everyByteCountsInDigests(index: Int) {
        var other = Bytes20()
        other.withUnsafeMutableBytes { $0[index] = 1 }
        #expect(other != Bytes20())
        #expect(!other.isEqualInConstantTime(to: Bytes20()))
        #expect((other ^ Bytes20()).array == other.array)
    }

    @Test func descriptionsHideTheBytes() {
        let value = Bytes16.random(.seeded(1))
        #expect(!"\(value)".contains(value.hex.prefix(4)))
        #expect("\(value)" == "<16 bytes>")
    }

    @Test func codableRoundTrip() throws {
        let value = [Bytes32.random(.seeded(2))]
        let data = try JSONEncoder().encode(value)
        #expect(try JSONDecoder().decode([Bytes32].self, from: data) == value)
    }

    @Test(arguments: ["[\"00\"]", "[\"\"]", "[\"zz\"]", "[1]", "[\"000102030405060708090a0b0c0d0e0f0\"]"])
    func decodingRefusesOtherTexts(json: String) {
        #expect(throws: DecodingError.self) {
            try JSONDecoder().decode([Bytes16].self, from: Data(json.utf8))
        }
    }

    @Test func constantTimeComparisonOfSequences() {
        #expect(constantTimeEquals([], []))
        #expect(constantTimeEquals([1, 2], [1, 2]))
        #expect(!constantTimeEquals([1, 2], [1, 3]))
        #expect(!constantTimeEquals([1, 2], [1, 2, 3]))
        #expect(!constantTimeEquals([], [0]))
    }

    @Test(arguments: [("", [] as [UInt8]?), ("00fF", [0, 255]), ("0", nil), ("0g", nil), ("é", nil), ("0 ", nil)])
    func hexadecimal(text: String, expected: [UInt8]?) {
        #expect(Hexadecimal.bytes(text) == expected)
    }
}
