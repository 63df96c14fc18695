// SPDX-License-Identifier: Apache-2.0
import MTProtoTransport
import NIOCore

/// Feeds a handshake in the input's pieces.
///
/// What it needs is bounded, a failure is final, and behind its end nothing is consumed.
private func drive<Handshake: HopHandshake>(
    _ handshake: inout Handshake,
    longestMessage: Int,
    _ input: inout FuzzInput
) -> Bool {
    precondition(handshake.start().readableBytes > 0, "nothing to say")
    var received = ByteBuffer.shifted([])
    var sends = 0
    while !input.isAtEnd {
        let chunk = input.chunk()
        received.writeBytes(chunk)
        while true {
            let before = received
            do {
                switch try handshake.receive(&received) {
                case .needsMoreBytes:
                    precondition(received == before, "a partial message is consumed")
                    precondition(received.readableBytes < longestMessage, "more is wanted than a message has")
                case .send:
                    sends += 1
                    precondition(sends < 8, "messages without end")
                    precondition(received.readableBytes < before.readableBytes, "nothing is consumed")
                    continue
                case .done:
                    received.writeBytes(input.rest())
                    let left = received
                    precondition((try? handshake.receive(&received)) == .done, "an end that does not last")
                    precondition(received == left, "bytes of the next layer are consumed")
                    return true
                }
            } catch {
                var good = ByteBuffer(bytes: [5, 0])
                precondition((try? handshake.receive(&good)) == nil, "a failure that does not last")
                return false
            }
            break
        }
    }
    return false
}

func fuzzSOCKS5(_ input: inout FuzzInput) {
    let control = input.byte()
    let hosts = ["127.0.0.1", "::1", "example.com"]
    guard let destination = try? SocketEndpoint(host: hosts[Int(control >> 1) % hosts.count], port: 443),
        let credentials = try? ProxyCredentials(username: "u", password: "p"),
        var handshake = try? SOCKS5Handshake(
            destination: destination,
            credentials: control & 1 == 0 ? nil : credentials
        )
    else { preconditionFailure("the fuzz target is wrong") }
    _ = drive(&handshake, longestMessage: 262, &input)
}

func fuzzProxyLinks(_ input: inout FuzzInput) {
    let text = String(decoding: input.rest(), as: UTF8.self)
    do {
        let proxy = try ProxySpecification(text)
        for form in ProxySpecification.LinkForm.allCases {
            guard let link = proxy.link(form) else { continue }
            precondition((try? ProxySpecification(link)) == proxy, "another proxy than was printed")
        }
    } catch {
        _ = error.description
    }
}
