// SPDX-License-Identifier: Apache-2.0
import MTProtoCrypto
import MTProtoTransport
import NIOCore

/// What a decoder said, with payloads as plain bytes so that two runs can be compared.
private enum Observation: Equatable {
    case frame([UInt8], quickAckRequested: Bool)
    case quickAck(UInt32)
    case transportError(TransportErrorCode)
    case noOperation
    case failed(FramingError)
}

/// Decodes `stream` in pieces of the given lengths (the last one repeats); stops at the first error.
private func observe(_ decoder: FrameDecoder, _ stream: [UInt8], pieces: [Int]) -> [Observation] {
    var decoder = decoder
    var buffer = ByteBuffer()
    var observations: [Observation] = []
    var position = 0
    var turn = 0
    var needed = 0
    while true {
        if buffer.readableBytes >= needed {
            let before = buffer.readableBytes
            let result: FrameDecodingResult
            do {
                result = try decoder.decode(&buffer)
            } catch {
                observations.append(.failed(error))
                return observations
            }
            precondition(buffer.readableBytes <= before, "the decoder grew its input")
            switch result {
            case .needMore(let count):
                precondition(count > buffer.readableBytes, "the decoder wants bytes that it has")
                precondition(count <= decoder.maximumPayloadLength + 64, "the decoder waits for more than its limit")
                needed = count
            case .frame(let payload, let quickAckRequested):
                precondition(payload.readableBytes <= decoder.maximumPayloadLength, "a frame above the limit")
                observations.append(.frame(Array(payload.readableBytesView), quickAckRequested: quickAckRequested))
                needed = 0
            case .quickAck(let token):
                observations.append(.quickAck(token))
                needed = 0
            case .transportError(let code):
                observations.append(.transportError(code))
                needed = 0
            case .authorizationNeeded:
                preconditionFailure("no authorized limit is set")
            case .noOperation:
                observations.append(.noOperation)
                needed = 0
            }
            if needed == 0 {
                precondition(buffer.readableBytes < before, "an answer that consumed nothing")
                continue
            }
        }
        guard position < stream.count else { return observations }
        let count = Swift.min(max(1, pieces[Swift.min(turn, pieces.count - 1)]), stream.count - position)
        buffer.writeBytes(stream[position..<position + count])
        position += count
        turn += 1
    }
}

/// The same stream whole, byte by byte and in the input's own pieces has to give the same answers.
func fuzzFrames(_ framing: Framing, _ input: inout FuzzInput) {
    let control = input.byte()
    let role: Role = control & 1 == 0 ? .server : .client
    var decoder = FrameDecoder(framing: framing, role: role, maximumPayloadLength: control & 2 == 0 ? 1 << 16 : 256)
    if control & 4 != 0 { decoder.authorizationKeyIdentifier = 0x0102_0304_0506_0708 }
    let pieces = (0..<4).map { _ in Int(input.byte()) + 1 }
    let stream = control & 8 == 0 ? input.rest() : encodedStream(framing, role == .server ? .client : .server, &input)

    let whole = observe(decoder, stream, pieces: [Int.max])
    precondition(observe(decoder, stream, pieces: [1]) == whole, "byte by byte differs from whole")
    precondition(observe(decoder, stream, pieces: pieces + [7]) == whole, "in pieces differs from whole")
}

/// What our own encoder makes of the input's chunks, with one byte of the stream changed: reaches what lies behind a check sum.
private func encodedStream(_ framing: Framing, _ role: Role, _ input: inout FuzzInput) -> [UInt8] {
    var encoder = FrameEncoder(framing: framing, role: role, random: .seeded(1))
    let position = Int(input.integer(UInt16.self))
    let mask = input.byte()
    var stream: [UInt8] = []
    while !input.isAtEnd {
        var payload = ByteBuffer.shifted(input.chunk(), by: 32)
        let requestQuickAck = input.byte() & 1 != 0
        do {
            try encoder.encode(&payload, requestQuickAck: requestQuickAck)
        } catch {
            continue
        }
        stream += payload.readableBytesView
    }
    if position < stream.count { stream[position] ^= mask }
    return stream
}

func fuzzDetection(_ input: inout FuzzInput) {
    let bytes = input.rest()
    var decided: TransportDetection?
    for count in 0...Swift.min(bytes.count, 128) {
        let result = bytes.withUnsafeBytes { TransportDetection.detect(UnsafeRawBufferPointer(rebasing: $0[..<count])) }
        if case .needMore(let needed) = result {
            precondition(decided == nil, "undecided again after a decision")
            precondition(needed > count, "detection wants bytes that it has")
        } else {
            if let decided { precondition(decided == result, "another decision with more bytes") }
            decided = result
        }
    }
}
