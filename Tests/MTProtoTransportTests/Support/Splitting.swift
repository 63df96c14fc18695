// SPDX-License-Identifier: Apache-2.0

import MTProtoCrypto

/// How the bytes of a stream are cut into reads.
enum SplitSchedule: Sendable, Hashable, CustomStringConvertible {
    case whole
    case byteByByte
    case random(seed: UInt64)
    case twoFramesInOne

    static let all: [SplitSchedule] = [.whole, .byteByByte, .random(seed: 1), .random(seed: 2), .twoFramesInOne]

    var description: String {
        switch self {
        case .whole: "whole"
        case .byteByByte: "byte by byte"
        case .random(let seed): "random, seed \(seed)"
        case .twoFramesInOne: "two frames in one read"
        }
    }

    /// Cuts a stream that is made of `pieces`: a preamble and frames.
    func reads(_ pieces: [[UInt8]]) -> [[UInt8]] {
        let all = pieces.flatMap { $0 }
        switch self {
        case .whole:
            return [all]
        case .byteByByte:
            return all.map { [$0] }
        case .random(let seed):
            let random = RandomSource.seeded(seed)
            var reads: [[UInt8]] = []
            var rest = all[...]
            while !rest.isEmpty {
                reads.append(Array(rest.prefix(random.integer(in: 1...90))))
                rest = rest.dropFirst(reads[reads.count - 1].count)
            }
            return reads
        case .twoFramesInOne:
            return stride(from: 0, to: pieces.count, by: 2).map { start in
                pieces[start..<min(start + 2, pieces.count)].flatMap { $0 }
            }
        }
    }
}
