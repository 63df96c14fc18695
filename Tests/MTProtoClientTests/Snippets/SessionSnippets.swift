// SPDX-License-Identifier: Apache-2.0
import MTProtoCrypto
import MTProtoSession
import MTProtoTransport
import NIOCore

enum SessionSnippets {
    static func keyExchange(privateKey: RSAPrivateKey, clock: SessionClock) throws {
        // snippet
        let server = try ServerKeyExchangeTable(configuration: .init(privateKeys: [privateKey]))
        var client = ClientKeyExchange(publicKeys: [privateKey.publicKey], dataCenter: DataCenterIdentifier(2))

        var body = client.start()
        exchange: while true {
            let answer: ByteBuffer
            switch server.respond(to: body, at: clock.now()) {
            case .reply(let reply): answer = reply
            case .replyAndStore(_, let established):
                print("the server stores key \(established.authorizationKey.identifier)")
                guard case .reply(let reply) = server.confirm(established, .stored, at: clock.now()) else {
                    break exchange
                }
                answer = reply
            case .transportError, .ignore: break exchange
            }
            switch try client.receive(answer, at: clock.now()) {
            case .send(let next): body = next
            case .ignored: break
            case .finished(let result):
                print("the client has key \(result.authorizationKey.identifier)")
                break exchange
            }
        }
        // end
    }
}
