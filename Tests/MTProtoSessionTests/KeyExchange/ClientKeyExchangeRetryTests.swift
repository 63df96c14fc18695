// SPDX-License-Identifier: Apache-2.0

import MTProtoCrypto
import NIOCore
import Testing

@testable import MTProtoSession

/// dh_gen_retry, repeated queries, and the second answers that they bring.
@Suite struct ClientKeyExchangeRetryTests {
    private static func makeClient(
        maximumRetries: Int = 5,
        random: RandomSource = .seeded(5)
    ) -> ClientKeyExchange {
        ClientKeyExchange(
            publicKeys: [KeyExchangeFixtures.privateKey.publicKey],
            dataCenter: nil,
            random: random,
            maximumRetries: maximumRetries
        )
    }

    @Test(arguments: [1, 3]) func retryNamesTheRejectedKey(count: Int) throws {
        var server = TamperingServer()
        var client = Self.makeClient()
        let now = KeyExchangeFixtures.now
        var query = try client.receive(server.answerProduct(client.start()), at: now).query
        query = try client.receive(server.answerParameters(try #require(query)), at: now).query
        var publicValues: Set<[UInt8]> = []
        for _ in 0..<count {
            let answer = try server.answerVerdict(try #require(query), .retry)
            query = try client.receive(answer, at: now).query
            publicValues.insert(try #require(server.clientInner).publicValue)
            let rejected = try #require(server.key)
            // The next query is read with the next verdict; its retry_id must be the rejected key's hash.
            _ = try server.answerVerdict(try #require(query), .retry)
            #expect(server.clientInner?.retryIdentifier == rejected.auxiliaryHash)
        }
        let result = try client.receive(try server.answerVerdict(try #require(query)), at: now).result
        #expect(result?.authorizationKey == server.key)
        #expect(publicValues.count == count)
    }

    @Test(arguments: [0, 2, 5]) func retriesAreBounded(maximum: Int) throws {
        var server = TamperingServer()
        var client = Self.makeClient(maximumRetries: maximum)
        let now = KeyExchangeFixtures.now
        var query = try client.receive(server.answerProduct(client.start()), at: now).query
        query = try client.receive(server.answerParameters(try #require(query)), at: now).query
        for _ in 0..<maximum {
            query = try client.receive(server.answerVerdict(try #require(query), .retry), at: now).query
        }
        let last = try server.answerVerdict(try #require(query), .retry)
        var caught: KeyExchangeError?
        do {
            _ = try client.receive(last, at: now)
        } catch {
            caught = error
        }
        #expect(caught == KeyExchangeError(.verdict, .tooManyRetries(maximum)))
    }

    @Test func resendGivesTheSameBytes() throws {
        var server = TamperingServer()
        var client = Self.makeClient()
        let now = KeyExchangeFixtures.now
        #expect(client.resend() == nil)
        let start = client.start()
        #expect(client.resend() == start)
        #expect(client.start() == start)
        let first = try client.receive(server.answerProduct(start), at: now).query
        #expect(client.resend() == first)
        #expect(client.resend() == first)
        let second = try client.receive(server.answerParameters(try #require(first)), at: now).query
        #expect(client.resend() == second)
        _ = try client.receive(server.answerVerdict(try #require(second)), at: now)
        #expect(client.resend() == nil)
    }

    @Test func secondAnswersAreIgnoredAsOftenAsQueriesWereRepeated() throws {
        var server = TamperingServer()
        var client = Self.makeClient()
        let now = KeyExchangeFixtures.now
        let start = client.start()
        _ = client.resend()
        let product = try server.answerProduct(start)
        let first = try client.receive(product, at: now).query
        #expect(try client.receive(product, at: now).isIgnored)
        _ = client.resend()
        let parameters = try server.answerParameters(try #require(first))
        let second = try client.receive(parameters, at: now).query
        #expect(try client.receive(parameters, at: now).isIgnored)
        _ = client.resend()
        let retry = try server.answerVerdict(try #require(second), .retry)
        let third = try client.receive(retry, at: now).query
        #expect(try client.receive(retry, at: now).isIgnored)
        let result = try client.receive(server.answerVerdict(try #require(third)), at: now).result
        #expect(result?.authorizationKey == server.key)
    }

    @Test func anAnswerTooManyIsAnError() throws {
        var server = TamperingServer()
        var client = Self.makeClient()
        let now = KeyExchangeFixtures.now
        let product = try server.answerProduct(client.start())
        _ = client.resend()
        let first = try client.receive(product, at: now).query
        #expect(try client.receive(product, at: now).isIgnored)
        _ = try client.receive(server.answerParameters(try #require(first)), at: now)
        var caught: KeyExchangeError?
        do {
            _ = try client.receive(product, at: now)
        } catch {
            caught = error
        }
        #expect(caught == KeyExchangeError(.verdict, .unexpectedMessage(constructor: ResultPQ.constructor)))
    }

    @Test func aSecondAnswerOfAnotherRunIsAnError() throws {
        var server = TamperingServer()
        var client = Self.makeClient()
        let now = KeyExchangeFixtures.now
        var product = try server.answerProduct(client.start())
        _ = client.resend()
        _ = try client.receive(product, at: now)
        product.setInteger(UInt64(3), at: 4)
        var caught: KeyExchangeError?
        do {
            _ = try client.receive(product, at: now)
        } catch {
            caught = error
        }
        #expect(caught == KeyExchangeError(.parameters, .nonceMismatch))
    }

    @Test func aMessageBeforeTheStartIsAnError() throws {
        var client = Self.makeClient()
        var caught: KeyExchangeError?
        do {
            _ = try client.receive(ByteBuffer(), at: KeyExchangeFixtures.now)
        } catch {
            caught = error
        }
        #expect(caught == KeyExchangeError(.setup, .unexpectedMessage(constructor: 0)))
    }

    /// A source that gives zeros cannot make a public value in range: the client gives up instead of looping.
    @Test func brokenRandomSourceIsAnError() throws {
        var server = TamperingServer()
        let random = RandomSource.seeded(5)
        var client = Self.makeClient(
            random: RandomSource { buffer in
                if buffer.count == 256 {
                    buffer.initializeMemory(as: UInt8.self, repeating: 0)
                } else {
                    random.fill(buffer)
                }
            }
        )
        let now = KeyExchangeFixtures.now
        let first = try client.receive(server.answerProduct(client.start()), at: now).query
        let parameters = try server.answerParameters(try #require(first))
        var caught: KeyExchangeError?
        do {
            _ = try client.receive(parameters, at: now)
        } catch {
            caught = error
        }
        #expect(caught == KeyExchangeError(.parameters, .unusableRandomSource))
    }

    /// Transports pad inside and after the declared length of plaintext messages.
    @Test func bytesAfterAnAnswerAreIgnored() throws {
        var changes = TamperingServer.Changes()
        changes.body = { step, body in body.writeRepeatingByte(0xa5, count: 13 * step) }
        var server = TamperingServer(changes: changes)
        let result = try ClientKeyExchangeRuleTests.run(server: &server).get()
        #expect(result?.authorizationKey == server.key)
    }
}
