// SPDX-License-Identifier: Apache-2.0
import Foundation
import MTProtoSession
import NIOCore

/// Bytes from a store that are no session, or one that somebody changed: they are refused, or the session works.
///
/// The input either is the bytes, or says which values of a true session to replace.
func fuzzStoredSession(_ input: inout FuzzInput) {
    let control = input.byte()
    let decoder = JSONDecoder()
    if control & 1 == 0 { decoder.userInfo[.serverSessionConfiguration] = ServerQueueRun.limits }
    var stored: [UInt8]
    if control & 2 == 0 {
        stored = input.chunk()
    } else {
        var run = ServerQueueRun()
        for _ in 0..<control >> 2 { run.step(&input) }
        guard let encoded = try? JSONEncoder().encode(run.session) else {
            preconditionFailure("a session that cannot be saved")
        }
        stored = Array(encoded)
        for _ in 0..<input.byte() % 4 + 1 { replaceValue(in: &stored, &input) }
    }
    guard let session = try? decoder.decode(ServerSession.self, from: Data(stored)) else { return }
    var run = ServerQueueRun(stored: session)
    run.check()
    var steps = 0
    while !input.isAtEnd, steps < 60 {
        steps += 1
        run.step(&input)
        run.check()
    }
    for operation in [10, 11, 6, 7, 6, 3] as [UInt8] {
        [operation, 0].withUnsafeBytes { bytes in
            var last = FuzzInput(bytes)
            run.step(&last)
        }
        run.check()
    }
    _ = run.session.isDiscardable(at: run.now)
}

/// Replaces one number, string or word of a JSON text.
private func replaceValue(in text: inout [UInt8], _ input: inout FuzzInput) {
    let values = valueRanges(of: text)
    guard !values.isEmpty else { return }
    let chosen = values[Int(input.integer(UInt16.self)) % values.count]
    let choice = Int(input.byte())
    let known = [
        "0", "1", "-1", "3", "9223372036854775807", "-9223372036854775808", "18446744073709551615", "4294967295",
        "2147483648", "true", "false", "null", "[]", "\"\"", "1.5", "1e400",
    ]
    let replacement: [UInt8] =
        switch choice % 20 {
        case 16: Array("\(input.integer(Int64.self))".utf8)
        case 17: Array("\(input.integer(UInt64.self))".utf8)
        case 18: Array(text[values[Int(input.integer(UInt16.self)) % values.count]])
        case 19: Array(input.chunk().prefix(64))
        case let index: Array(known[index].utf8)
        }
    text.replaceSubrange(chosen, with: replacement)
}

/// Where the numbers, strings and words of a JSON text stand that are no names.
private func valueRanges(of text: [UInt8]) -> [Range<Int>] {
    var ranges: [Range<Int>] = []
    var position = 0
    while position < text.count {
        let start = position
        position += 1
        switch text[start] {
        case UInt8(ascii: "\""):
            while position < text.count, text[position] != UInt8(ascii: "\"") { position += 1 }
            position += 1
            guard position < text.count, text[position] != UInt8(ascii: ":") else { continue }
        case UInt8(ascii: "-"), UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "a")...UInt8(ascii: "z"):
            while position < text.count, !Array("{}[],:".utf8).contains(text[position]) { position += 1 }
        default: continue
        }
        ranges.append(start..<min(position, text.count))
    }
    return ranges
}
