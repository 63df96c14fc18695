// SPDX-License-Identifier: Apache-2.0
import MTProtoCrypto
import MTProtoSession
import NIOCore

/// Whole key exchanges; the client's part runs too, and `clock` brackets the server's alone.
package final class KeyExchangeWorkload {
    private let privateKey: RSAPrivateKey
    private let table: ServerKeyExchangeTable
    private let now = SessionTime(wallNanoseconds: 1_700_000_000_000_000_000, monotonicNanoseconds: 1)

    package init() throws {
        self.privateKey = try RSAPrivateKey.generate()
        self.table = try ServerKeyExchangeTable(configuration: .init(privateKeys: [self.privateKey]))
    }

    /// Runs `iterations` exchanges and returns what the server's three answers took together, by `clock`.
    package func run(_ iterations: Int, clock: () -> UInt64) throws -> UInt64 {
        var spent: UInt64 = 0
        for _ in 0..<iterations {
            var client = ClientKeyExchange(
                publicKeys: [self.privateKey.publicKey],
                dataCenter: nil,
                lifetime: .permanent,
                random: .system
            )
            var body = client.start()
            exchange: while true {
                let begin = clock()
                var response = self.table.respond(to: body, at: self.now, isKeyIdentifierInUse: { _ in false })
                if case .replyAndStore(_, let key) = response {
                    response = self.table.confirm(key, .stored, at: self.now)
                }
                spent += clock() - begin
                let answer: ByteBuffer
                switch response {
                case .reply(let reply), .replyAndStore(let reply, _): answer = reply
                case .transportError, .ignore: preconditionFailure("an honest exchange was refused")
                }
                switch try client.receive(answer, at: self.now) {
                case .send(let next): body = next
                case .finished: break exchange
                case .ignored: preconditionFailure("an answer that was sent once was ignored")
                }
            }
        }
        return spent
    }
}
