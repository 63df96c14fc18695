// SPDX-License-Identifier: Apache-2.0
import MTProtoCrypto
import MTProtoSession
import NIOCore

func fuzzReader(_ input: inout FuzzInput) {
    let operations = input.chunk()
    var reader = TLReader(ByteBuffer.shifted(input.rest()))
    for operation in operations {
        let before = reader.remaining
        do {
            switch operation % 12 {
            case 0: _ = try reader.readInt32()
            case 1: _ = try reader.readUInt32()
            case 2: _ = try reader.readInt64()
            case 3: _ = try reader.readUInt64()
            case 4: _ = try reader.readDouble()
            case 5: _ = try reader.readBytes16()
            case 6: _ = try reader.readBytes32()
            case 7: _ = try reader.readBool()
            case 8:
                let bytes = try reader.readBytes()
                precondition(bytes.readableBytes <= before, "more bytes than there were")
            case 9: _ = try reader.readString()
            case 10: _ = try reader.readConstructor()
            default:
                let count = try reader.readVector(minimumItemSize: 4)
                precondition(count >= 0 && count <= before / 4, "a count that the rest cannot hold")
            }
        } catch {
            // A refused read says why; the next one starts from wherever the reader stands.
        }
        precondition(reader.remaining >= 0 && reader.remaining <= before, "a read that gives bytes back")
    }
}

func fuzzMessageBody(_ input: inout FuzzInput) {
    let control = input.byte()
    var body = ByteBuffer.shifted(input.rest())
    if control & 1 != 0 { body = GzipPacked(packedData: Gzip.deflate(body)).serialized() }
    guard let parsed = try? MessageBody.parse(body) else { return }
    if case .container(let messages) = parsed.body {
        precondition(messages.count <= 1024, "a container above its limit")
        for message in messages {
            _ = try? MessageBody.parse(message.body)
        }
    }
}

func fuzzQueryEnvelope(_ input: inout FuzzInput) {
    let control = input.byte()
    var body = ByteBuffer.shifted(input.rest())
    if control & 1 != 0 { body = GzipPacked(packedData: Gzip.deflate(body)).serialized() }
    _ = try? QueryEnvelope.unwrap(body)
    _ = try? Config(body)
    _ = try? NearestDataCenter(body)
    _ = try? CDNConfig(body)
}
