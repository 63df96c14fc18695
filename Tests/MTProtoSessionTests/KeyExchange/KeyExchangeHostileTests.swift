// SPDX-License-Identifier: Apache-2.0

import MTProtoCrypto
import NIOCore
import Testing

@testable import MTProtoSession

/// Foreign bytes never trap, and never make a key that the peer does not have.
@Suite struct KeyExchangeHostileTests {
    private static let constructors: [UInt32] = [
        RequestPQ.constructor, RequestPQMulti.constructor, RequestDHParameters.constructor,
        SetClientDHParameters.constructor, ResultPQ.constructor, ServerDHParametersOK.constructor,
        ServerDHParametersFail.constructor, DHGenerationOK.constructor, DHGenerationRetry.constructor,
        DHGenerationFail.constructor, MessagesAcknowledgement.constructor,
    ]

    private static func noise(_ random: RandomSource) -> ByteBuffer {
        var body = ByteBuffer()
        if random.integer(in: 0...3) > 0 {
            let index = random.integer(in: 0...Self.constructors.count - 1)
            body.writeInteger(Self.constructors[index], endianness: .little)
        }
        body.writeBytes(random.bytes(random.integer(in: 0...600)))
        return body
    }

    @Test(arguments: 1...4 as ClosedRange<UInt64>) func noiseAtTheServer(seed: UInt64) throws {
        let random = RandomSource.seeded(seed)
        let table = try KeyExchangeFixtures.makeTable { $0.maximumRuns = 16 }
        for _ in 0..<1000 {
            let response = table.respond(to: Self.noise(random), at: KeyExchangeFixtures.now)
            #expect(response.establishedKey == nil, "seed \(seed)")
        }
        #expect(table.runCount <= 16)
    }

    @Test(arguments: 1...4 as ClosedRange<UInt64>) func noiseAtTheClient(seed: UInt64) throws {
        let random = RandomSource.seeded(seed)
        for _ in 0..<500 {
            var client = ClientKeyExchange(publicKeys: [.production], dataCenter: nil, random: random)
            _ = client.start()
            var isFailed = false
            do {
                _ = try client.receive(Self.noise(random), at: KeyExchangeFixtures.now)
            } catch {
                isFailed = true
            }
            #expect(isFailed, "seed \(seed)")
        }
    }

    /// One changed byte anywhere in an answer: an error, or (in fields without meaning) still the server's key.
    @Test(arguments: 1...3) func changedAnswers(step: Int) throws {
        let lengths = [68, 632, 52]
        let random = RandomSource.seeded(UInt64(step))
        var examined = 0
        for _ in 0..<40 {
            let offset = random.integer(in: 0...lengths[step - 1] - 1)
            let change = UInt8(random.integer(in: 1...255))
            var changes = TamperingServer.Changes()
            changes.body = { changed, body in
                guard changed == step, let byte = body.getInteger(at: offset, as: UInt8.self) else { return }
                body.setInteger(byte ^ change, at: offset)
            }
            var server = TamperingServer(changes: changes)
            guard let result = try? ClientKeyExchangeRuleTests.run(server: &server) else {
                // The scripted server did not understand the client, whose query followed the change.
                continue
            }
            examined += 1
            if case .success(let value) = result {
                #expect(value?.authorizationKey == server.key, "step \(step), offset \(offset), change \(change)")
            }
        }
        // A change that the scripted server cannot follow is the exception.
        #expect(examined >= 20, "step \(step): \(examined)")
    }

    /// Every length of every answer, cut off.
    @Test(arguments: 1...3) func truncatedAnswers(step: Int) throws {
        let lengths = [68, 632, 52]
        for length in stride(from: 0, to: lengths[step - 1], by: step == 2 ? 37 : 5) {
            var changes = TamperingServer.Changes()
            changes.body = { changed, body in
                if changed == step { body.moveWriterIndex(to: length) }
            }
            var server = TamperingServer(changes: changes)
            let result = try ClientKeyExchangeRuleTests.run(server: &server)
            #expect(throws: KeyExchangeError.self, "step \(step), length \(length)") { try result.get() }
        }
    }

    /// One changed byte anywhere in a query: an error, nothing, or a key that the client has, too.
    @Test(arguments: 2...3) func changedQueries(step: Int) throws {
        let lengths = [20, 320, 376]
        let random = RandomSource.seeded(UInt64(step))
        for _ in 0..<25 {
            let offset = random.integer(in: 0...lengths[step - 1] - 1)
            let change = UInt8(random.integer(in: 1...255))
            let table = try KeyExchangeFixtures.makeTable()
            let now = KeyExchangeFixtures.now
            var client = TamperingClient()
            client.changes.body = { changed, body in
                guard changed == step, let byte = body.getInteger(at: offset, as: UInt8.self) else { return }
                body.setInteger(byte ^ change, at: offset)
            }
            let product = try #require(table.respond(to: client.requestProduct(), at: now).body)
            let answer = table.respond(to: try client.requestParameters(product), at: now)
            guard step == 3 else {
                #expect(answer.establishedKey == nil)
                continue
            }
            let response = table.respond(to: try client.requestVerdict(try #require(answer.body)), at: now)
            if let key = response.establishedKey {
                #expect(key.authorizationKey == client.key, "offset \(offset), change \(change)")
            }
        }
    }

    /// No description of a value that holds secrets shows them.
    @Test func descriptionsHoldNoSecrets() throws {
        let secret = SecretBytes(Array(repeating: 171, count: 32))
        #expect("\(secret)" == "SecretBytes")
        #expect(secret.withBytes { $0.count } == 32)
        #expect(
            "\(ExchangeCipher(newNonce: Array(repeating: 1, count: 32), serverNonce: Bytes16()))" == "ExchangeCipher"
        )
        let key = try AuthorizationKey(Array(repeating: 171, count: 256))
        let result = KeyExchangeResult(
            authorizationKey: key,
            salt: 1,
            timeOffsetNanoseconds: 2,
            expiresAt: nil,
            nonce: Bytes16(),
            serverNonce: Bytes16()
        )
        #expect(!"\(result)".contains("171, 171") && !"\(result)".contains("abab"))
        #expect("\(result)".contains("permanent"))
    }

    @Test func wipingOverwrites() {
        var bytes: [UInt8] = Array(1...100)
        bytes.wipe()
        #expect(bytes == Array(repeating: 0, count: 100))
    }

    /// The secrets of a run end with it: by its success, by an incorrect query, by its age.
    @Test func secretsEndWithTheRun() throws {
        weak var exponent: SecretBytes?
        weak var newNonce: SecretBytes?
        for ending in 0..<3 {
            var runs = ServerKeyExchangeRuns(maximumCount: 4, lifetimeNanoseconds: 10)
            let key = ServerKeyExchangeRun.Key(nonce: Bytes16(), serverNonce: Bytes16())
            let first = Bytes32.random(.seeded(1))
            let second = Bytes32.random(.seeded(2))
            let run = ServerKeyExchangeRun(key: key, factors: (pq: 15, p: 3, q: 5), createdAt: 0)
            let isInserted = runs.insert(run)
            #expect(isInserted)
            do {
                let secrets = ServerKeyExchangeSecrets(
                    newNonce: SecretBytes([1]),
                    exponent: SecretBytes([2]),
                    dataCenter: nil,
                    expiresIn: nil,
                    usedLegacyPadding: false
                )
                exponent = secrets.exponent
                newNonce = secrets.newNonce
                _ = runs.update(key, at: 0) { run in
                    _ = run.claim(first, phase: .parameters)
                    return run.complete(
                        first,
                        with: .awaitingVerdict(query: first, answer: ByteBuffer(), secrets: secrets)
                    )
                }
            }
            #expect(exponent != nil && newNonce != nil)
            switch ending {
            case 0:
                _ = runs.update(key, at: 0) { run in
                    _ = run.claim(second, phase: .verdict)
                    return run.complete(second, with: .finished(query: second, answer: ByteBuffer()))
                }
            case 1: _ = runs.update(key, at: 0) { _ = $0.claim(second, phase: .parameters) }
            default: runs.removeExpired(at: 10)
            }
            #expect(exponent == nil && newNonce == nil, "ending \(ending)")
            #expect(runs.count == (ending == 2 ? 0 : 1))
        }
    }
}
