// SPDX-License-Identifier: Apache-2.0
import MTProtoCrypto
import MTProtoTransport
import NIOCore

private let secret = try? ProxySecret(string: "ee00112233445566778899aabbccddeeff6578616d706c652e636f6d")

/// A profile's text; what is accepted makes records that are whole, with a digest.
func fuzzHelloProfile(_ input: inout FuzzInput) {
    let text = String(decoding: input.rest(), as: UTF8.self)
    guard let secret else { preconditionFailure("the fuzz target is wrong") }
    do {
        let profile = try FakeTLSHelloProfile(text: text)
        for seed in 1...3 as ClosedRange<UInt64> {
            guard
                let hello = try? FakeTLSClientHello(
                    secret: secret,
                    unixTime: 1_705_754_877,
                    profile: profile,
                    random: .seeded(seed)
                )
            else { preconditionFailure("a profile that makes no hello") }
            let record = hello.record
            let length = record.getInteger(at: record.readerIndex + 3, as: UInt16.self) ?? 0
            precondition(length <= 16_384 && record.readableBytes == 5 + Int(length), "a wrong length")
            precondition(isHello(Array(record.readableBytesView)[76...]), "no ClientHello")
            let time = FakeTLSDigest.unixTime(of: record, key: secret.key)
            precondition(time == 1_705_754_877, "a wrong digest")
        }
    } catch {
        precondition(error.line >= 1 && error.column >= 1, "an error nowhere")
        _ = error.description
    }
}

/// Whether cipher suites, compression and extensions are whole, no extension is there twice, and one names the domain.
private func isHello(_ bytes: ArraySlice<UInt8>) -> Bool {
    var rest = bytes
    func vector() -> ArraySlice<UInt8>? {
        guard let high = rest.popFirst(), let low = rest.popFirst() else { return nil }
        let length = Int(high) << 8 | Int(low)
        defer { rest = rest.dropFirst(length) }
        return rest.count >= length ? rest.prefix(length) : nil
    }
    guard let suites = vector(), !suites.isEmpty, suites.count.isMultiple(of: 2), rest.prefix(2) == [1, 0] else {
        return false
    }
    rest = rest.dropFirst(2)
    guard let extensions = vector(), rest.isEmpty else { return false }
    rest = extensions
    var types: [[UInt8]: ArraySlice<UInt8>] = [:]
    while !rest.isEmpty {
        let type = Array(rest.prefix(2))
        rest = rest.dropFirst(2)
        guard let body = vector(), types.updateValue(body, forKey: type) == nil else { return false }
    }
    return types[[0, 0]].map { $0 == [0, 14, 0, 0, 11] + Array("example.com".utf8) } ?? false
}

/// A proxy's answer, with the digest that belongs to it if the input wishes: however it is cut, the end is the same.
func fuzzServerHello(_ input: inout FuzzInput) {
    let control = input.byte()
    guard let secret,
        let hello = try? FakeTLSClientHello(secret: secret, unixTime: 0, profile: .compact, random: .seeded(1))
    else { preconditionFailure("the fuzz target is wrong") }
    var flight = ByteBuffer(bytes: input.chunk())
    if control & 1 != 0,
        let digest = FakeTLSDigest.serverRandom(for: flight, answering: hello.random, key: secret.key)
    {
        flight.setBytes(digest.array, at: FakeTLSDigest.field.lowerBound)
    }
    flight.writeBytes(input.rest())
    let answer = Array(flight.readableBytesView)
    let reply = FakeTLSServerReply(key: secret.key, answering: hello.random)
    let whole = readAnswer(answer, step: max(answer.count, 1), reply)
    let pieces = readAnswer(answer, step: 1 + Int(control >> 1), reply)
    precondition(whole.error == pieces.error && whole.isDone == pieces.isDone, "splits change the end")
    precondition(!whole.isDone || whole.left == pieces.left + pieces.unread, "splits change what is consumed")
    for result in [whole, pieces] where !result.isDone {
        precondition(result.left + result.unread == answer, "something of an answer that is not whole is consumed")
    }
}

private func readAnswer(
    _ answer: [UInt8],
    step: Int,
    _ reply: FakeTLSServerReply
) -> (isDone: Bool, error: FakeTLSError?, left: [UInt8], unread: [UInt8]) {
    var received = ByteBuffer.shifted([])
    var rest = answer[...]
    while !rest.isEmpty {
        received.writeBytes(rest.prefix(step))
        rest = rest.dropFirst(step)
        do {
            guard try reply.read(&received) else {
                precondition(
                    received.readableBytes < FakeTLSServerReply.maximumLength,
                    "more is wanted than is allowed"
                )
                continue
            }
            return (true, nil, Array(received.readableBytesView), Array(rest))
        } catch {
            return (false, error, Array(received.readableBytesView), Array(rest))
        }
    }
    return (false, nil, Array(received.readableBytesView), [])
}

/// Records from the wire in pieces against byte by byte; and a stream there and back.
func fuzzFakeTLSRecords(_ input: inout FuzzInput) {
    let control = input.byte()
    guard control & 1 == 0 else { return fuzzRecordRoundTrip(control >> 1, &input) }
    var chunks: [[UInt8]] = []
    while !input.isAtEnd { chunks.append(input.chunk()) }
    let pieces = decodeRecords(chunks)
    let bytes = decodeRecords(chunks.flatMap { $0 }.map { [$0] })
    precondition(pieces.stream == bytes.stream, "splits change the stream")
    precondition(pieces.error == bytes.error, "splits change the end")
}

private func decodeRecords(_ chunks: [[UInt8]]) -> (stream: [UInt8], error: FakeTLSError?) {
    var decoder = FakeTLSRecordDecoder()
    var stream: [UInt8] = []
    for chunk in chunks {
        var bytes = ByteBuffer.shifted(chunk)
        do {
            try decoder.decode(&bytes)
            stream += bytes.readableBytesView
        } catch {
            stream += bytes.readableBytesView
            return (stream, error)
        }
    }
    return (stream, nil)
}

private func fuzzRecordRoundTrip(_ control: UInt8, _ input: inout FuzzInput) {
    var encoder = FakeTLSRecordEncoder(
        role: control & 1 == 0 ? .client : .server,
        maximumBodyLength: control & 2 == 0 ? nil : 64 + Int(control)
    )
    var expected: [UInt8] = []
    var wire: [UInt8] = []
    while !input.isAtEnd {
        let chunk = input.chunk()
        expected += chunk
        var bytes = ByteBuffer.shifted(chunk, by: Int(control >> 2))
        encoder.encode(&bytes)
        wire += bytes.readableBytesView
    }
    let decoded = decodeRecords([wire])
    precondition(decoded.stream == expected && decoded.error == nil, "another stream than was sent")
}
