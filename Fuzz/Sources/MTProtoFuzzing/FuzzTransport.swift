// SPDX-License-Identifier: Apache-2.0
import MTProtoCrypto
import MTProtoTransport
import NIOCore

private let secret = try? ProxySecret(bytes: (0..<16).map { UInt8($0) &* 17 })
private let paddedSecret = try? ProxySecret(bytes: [0xDD] + (0..<16).map { UInt8($0) &* 13 })

func fuzzObfuscation(_ input: inout FuzzInput) {
    var header = input.take(64)
    guard header.count == 64 else { return }
    let secrets: [ProxySecret?] = [nil, secret, paddedSecret]
    if var acceptance = Obfuscation.accept(header, secrets: secrets) {
        var buffer = ByteBuffer.shifted(input.rest())
        let count = buffer.readableBytes
        acceptance.obfuscation.decrypt(&buffer)
        acceptance.obfuscation.encrypt(&buffer)
        precondition(buffer.readableBytes == count, "obfuscation changed a length")
    }
    header.removeLast()
    precondition(Obfuscation.accept(header, secrets: secrets) == nil, "a header of 63 bytes was accepted")
}

/// Feeds a connection in the input's pieces until it fails or the input ends; bounded memory is checked along the way.
private func drive(_ connection: inout TransportConnection, limit: Int, _ input: inout FuzzInput) {
    while !input.isAtEnd {
        connection.receive(ByteBuffer.shifted(input.chunk()))
        var events = 0
        while true {
            do {
                guard let event = try connection.nextEvent() else { break }
                events += 1
                precondition(events < 100_000, "events without end")
                if case .foreign = event { return }
                if case .payload(let payload, _) = event {
                    precondition(payload.readableBytes <= limit, "a payload above the limit")
                    _ = try connection.send(ByteBuffer(repeating: 1, count: 72))
                    _ = try connection.sendQuickAck(0x8000_0001)
                }
            } catch {
                return
            }
        }
        precondition(connection.bufferedByteCount <= limit + (1 << 17), "a partial frame above the limit is buffered")
    }
}

func fuzzTransportConnection(_ input: inout FuzzInput) {
    let control = input.byte()
    if control & 1 == 0 {
        var configuration = TransportConnection.ServerConfiguration()
        configuration.secrets = [nil, secret, paddedSecret]
        configuration.maximumPayloadLength = 4096
        configuration.maximumPayloadLengthBeforeAuthorization = 1024
        configuration.random = .seeded(2)
        var connection = TransportConnection(server: configuration)
        connection.isAuthorized = control & 2 != 0
        drive(&connection, limit: 4096, &input)
    } else {
        let framing = Framing.allCases[Int(control >> 1) % Framing.allCases.count]
        var configuration = TransportConnection.ClientConfiguration(framing: framing)
        configuration.maximumPayloadLength = 4096
        configuration.random = .seeded(3)
        guard var connection = try? TransportConnection(client: configuration) else { return }
        _ = connection.takePreamble()
        drive(&connection, limit: 4096, &input)
    }
}

func fuzzLinks(_ input: inout FuzzInput) {
    let bytes = input.rest()
    let text = String(decoding: bytes, as: UTF8.self)
    if let secret = try? ProxySecret(bytes: bytes) { _ = secret.kind }
    if let secret = try? ProxySecret(string: text) { _ = secret.kind }
    _ = try? Endpoint(text)
    _ = try? RSAPublicKey.keys(inPEM: text)
}
