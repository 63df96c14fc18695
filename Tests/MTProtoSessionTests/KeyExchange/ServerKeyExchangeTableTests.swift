// SPDX-License-Identifier: Apache-2.0

import MTProtoCrypto
import MTProtoTransport
import NIOCore
import Synchronization
import Testing

@testable import MTProtoSession

/// Runs of a server: repeated and differing queries, lifetime, bounds, collisions, and whole exchanges.
@Suite struct ServerKeyExchangeTableTests {
    private let now = KeyExchangeFixtures.now

    /// The three queries of an honest run, each made when its predecessor is answered.
    private struct Run {
        var client = TamperingClient()
        var product = ByteBuffer()
        var parameters = ByteBuffer()
        var verdict = ByteBuffer()
        var productAnswer: ByteBuffer?
        var parametersAnswer: ByteBuffer?
        var verdictResponse: ServerKeyExchangeTable.Response?

        init(
            _ table: ServerKeyExchangeTable,
            at now: SessionTime,
            steps: Int = 3,
            client: TamperingClient = TamperingClient(),
            isKeyIdentifierInUse: (UInt64) -> Bool = { _ in false }
        ) throws {
            self.client = client
            self.product = self.client.requestProduct()
            self.productAnswer = table.respond(to: self.product, at: now).body
            guard steps > 1 else { return }
            self.parameters = try self.client.requestParameters(try #require(self.productAnswer))
            self.parametersAnswer = table.respond(to: self.parameters, at: now).body
            guard steps > 2 else { return }
            self.verdict = try self.client.requestVerdict(try #require(self.parametersAnswer))
            self.verdictResponse = table.respond(
                to: self.verdict,
                at: now,
                isKeyIdentifierInUse: isKeyIdentifierInUse
            )
            if let key = self.verdictResponse?.establishedKey {
                #expect(table.confirm(key, .stored, at: now).body == self.verdictResponse?.body)
            }
        }
    }

    // MARK: Repeated queries

    @Test func repeatedQueriesGetTheStoredAnswer() throws {
        let log = RejectionLog()
        let table = try KeyExchangeFixtures.makeTable(rejections: log)
        var client = TamperingClient()
        let product = client.requestProduct()
        let productAnswer = try #require(table.respond(to: product, at: self.now).body)
        #expect(table.respond(to: product, at: self.now).body == productAnswer)
        #expect(table.runCount == 1)

        var parameters = try client.requestParameters(productAnswer)
        let parametersAnswer = try #require(table.respond(to: parameters, at: self.now).body)
        parameters.writeRepeatingByte(9, count: 31)
        #expect(table.respond(to: parameters, at: self.now.later(by: 30)).body == parametersAnswer)

        let verdict = try client.requestVerdict(parametersAnswer)
        let first = table.respond(to: verdict, at: self.now)
        let established = try #require(first.establishedKey)
        // Not before the key is stored.
        #expect(table.respond(to: verdict, at: self.now).isIgnored)
        #expect(table.confirm(established, .stored, at: self.now).body == first.body)
        let second = table.respond(to: verdict, at: self.now.later(by: 599))
        #expect(second.body == first.body)
        #expect(second.establishedKey == nil)

        // A late copy of the query before is no error, but its answer is forgotten.
        #expect(table.respond(to: parameters, at: self.now).isIgnored)
        #expect(table.respond(to: verdict, at: self.now).body == first.body)
        #expect(log.all.isEmpty)
    }

    @Test func aRepeatedRequestAfterTheRunWentOnBeginsAnother() throws {
        let table = try KeyExchangeFixtures.makeTable()
        let run = try Run(table, at: self.now, steps: 2)
        let answer = try #require(table.respond(to: run.product, at: self.now).body)
        #expect(try ResultPQ(answer).serverNonce != run.client.serverNonce)
        #expect(table.runCount == 2)
        // Both go on independently.
        var client = run.client
        let verdict = try client.requestVerdict(try #require(run.parametersAnswer))
        #expect(table.respond(to: verdict, at: self.now).establishedKey != nil)
        let parameters = try client.requestParameters(answer)
        #expect(table.respond(to: parameters, at: self.now).body != nil)
    }

    /// At each stage a query that differs fails the run, and then even the correct one gets an error.
    @Test(arguments: [2, 3]) func differingQueryFailsTheRun(steps: Int) throws {
        let log = RejectionLog()
        let table = try KeyExchangeFixtures.makeTable(rejections: log)
        var run = try Run(table, at: self.now, steps: steps)
        let differing =
            steps == 2
            ? try run.client.requestParameters(try #require(run.productAnswer))
            : try run.client.requestVerdict(try #require(run.parametersAnswer))
        #expect(table.respond(to: differing, at: self.now).errorCode == .notFound)
        #expect(log.last?.reason == .differingQuery)
        let original = steps == 2 ? run.parameters : run.verdict
        #expect(table.respond(to: original, at: self.now).errorCode == .notFound)
        #expect(log.last?.reason == .runFailed)
    }

    @Test func verdictBeforeParametersIsOutOfOrder() throws {
        let log = RejectionLog()
        let table = try KeyExchangeFixtures.makeTable(rejections: log)
        let run = try Run(table, at: self.now, steps: 1)
        let answer = try ResultPQ(try #require(run.productAnswer))
        let query = SetClientDHParameters(
            nonce: answer.nonce,
            serverNonce: answer.serverNonce,
            encryptedData: Array(repeating: 0, count: 336)
        )
        #expect(table.respond(to: query.serialized(), at: self.now).errorCode == .notFound)
        #expect(log.last == KeyExchangeError(.verdict, .outOfOrder))
    }

    /// While one thread computes, a copy of its query is ignored, and another query fails the run under it.
    @Test(arguments: [false, true]) func queriesDuringTheComputation(isDiffering: Bool) throws {
        let table = try KeyExchangeFixtures.makeTable()
        var run = try Run(table, at: self.now, steps: 2)
        let verdict = try run.client.requestVerdict(try #require(run.parametersAnswer))
        let other = isDiffering ? try run.client.requestVerdict(try #require(run.parametersAnswer)) : verdict
        var inner: ServerKeyExchangeTable.Response?
        // The identifier is asked for in the middle of the computation, on the same thread: that the table answers
        // there shows that no lock is held.
        let response = table.respond(to: verdict, at: self.now) { _ in
            inner = table.respond(to: other, at: self.now)
            return false
        }
        if isDiffering {
            #expect(inner?.errorCode == .notFound)
            #expect(response.errorCode == .notFound)
        } else {
            #expect(inner?.isIgnored == true)
            #expect(response.establishedKey != nil)
        }
    }

    // MARK: Lifetime and bounds

    @Test(arguments: [1, 2]) func runsEndAfterTheirLifetime(steps: Int) throws {
        let log = RejectionLog()
        let table = try KeyExchangeFixtures.makeTable(rejections: log)
        var run = try Run(table, at: self.now, steps: steps)
        let query =
            steps == 1
            ? try run.client.requestParameters(try #require(run.productAnswer))
            : try run.client.requestVerdict(try #require(run.parametersAnswer))
        #expect(table.respond(to: query, at: self.now.later(by: 600)).errorCode == .notFound)
        #expect(log.last?.reason == .unknownRun)
        #expect(table.runCount == 0)
    }

    @Test func runsLastUntilTheirLifetime() throws {
        let table = try KeyExchangeFixtures.makeTable()
        var run = try Run(table, at: self.now, steps: 2)
        let query = try run.client.requestVerdict(try #require(run.parametersAnswer))
        #expect(table.respond(to: query, at: self.now.later(by: 599)).establishedKey != nil)
        table.removeExpiredRuns(at: self.now.later(by: 599))
        #expect(table.runCount == 1)
        table.removeExpiredRuns(at: self.now.later(by: 600))
        #expect(table.runCount == 0)
    }

    /// A key whose identifier the store has already is refused, and so is everything after a store that failed.
    @Test func keysThatAreNotStored() throws {
        let log = RejectionLog()
        let table = try KeyExchangeFixtures.makeTable(rejections: log)
        var run = try Run(table, at: self.now, steps: 2)
        var verdict = try run.client.requestVerdict(try #require(run.parametersAnswer))
        var key = try #require(table.respond(to: verdict, at: self.now).establishedKey)
        let answer = try #require(table.confirm(key, .identifierTaken, at: self.now).body)
        #expect(try DHGenerationFail(answer).newNonceHash == run.client.hash(.fail))
        #expect(log.last == KeyExchangeError(.verdict, .refused))
        #expect(table.respond(to: verdict, at: self.now).body == answer)
        #expect(table.confirm(key, .stored, at: self.now).errorCode == .notFound)

        run = try Run(table, at: self.now, steps: 2, client: TamperingClient(seed: 2))
        verdict = try run.client.requestVerdict(try #require(run.parametersAnswer))
        key = try #require(table.respond(to: verdict, at: self.now).establishedKey)
        #expect(table.confirm(key, .failed, at: self.now).errorCode == .notFound)
        #expect(table.respond(to: verdict, at: self.now).errorCode == .notFound)
    }

    /// A source beyond its share loses its own oldest run, no one else's.
    @Test func boundOfRunsPerSource() throws {
        let table = try KeyExchangeFixtures.makeTable { $0.maximumRunsPerSource = 2 }
        func begin(_ seed: UInt64, from source: String) throws -> (client: TamperingClient, answer: ByteBuffer) {
            var client = TamperingClient(seed: seed)
            let product = table.respond(to: client.requestProduct(), at: self.now, from: source).body
            let parameters = try client.requestParameters(try #require(product))
            return (client, try #require(table.respond(to: parameters, at: self.now, from: source).body))
        }
        var other = try begin(1, from: "b")
        var runs = try (2...4).map { try begin($0, from: "a") }
        func goOn(_ run: inout (client: TamperingClient, answer: ByteBuffer)) throws -> EstablishedKey? {
            table.respond(to: try run.client.requestVerdict(run.answer), at: self.now).establishedKey
        }
        #expect(try goOn(&runs[0]) == nil)
        #expect(try goOn(&runs[1]) != nil)
        #expect(try goOn(&runs[2]) != nil)
        #expect(try goOn(&other) != nil)
    }

    /// Runs that were only begun give way to new ones, oldest first; then those that are over; then those under way for a
    /// minute.
    @Test func boundOfRuns() throws {
        let log = RejectionLog()
        let table = try KeyExchangeFixtures.makeTable(rejections: log) { $0.maximumRuns = 4 }
        let over = try Run(table, at: self.now, client: TamperingClient(seed: 1))
        let underWay = try Run(table, at: self.now, steps: 2, client: TamperingClient(seed: 2))
        var begun = try (3...6).map { try Run(table, at: self.now, steps: 1, client: TamperingClient(seed: $0)) }
        #expect(table.runCount == 4)
        func goOn(_ index: Int) throws -> ServerKeyExchangeTable.Response {
            let query = try begun[index].client.requestParameters(try #require(begun[index].productAnswer))
            return table.respond(to: query, at: self.now)
        }
        #expect(try goOn(0).errorCode == .notFound)
        #expect(try goOn(1).errorCode == .notFound)
        #expect(try goOn(2).body != nil)
        #expect(try goOn(3).body != nil)
        #expect(log.all.map(\.reason) == [.unknownRun, .unknownRun])
        #expect(table.respond(to: over.verdict, at: self.now).body != nil)

        // Three are under way, one is over: it goes, then there is no room.
        var last = try Run(table, at: self.now, steps: 1, client: TamperingClient(seed: 7))
        #expect(table.respond(to: over.verdict, at: self.now).errorCode == .notFound)
        let query = try last.client.requestParameters(try #require(last.productAnswer))
        #expect(table.respond(to: query, at: self.now).body != nil)
        let refused = table.respond(to: TamperingClient(seed: 8).requestProduct(), at: self.now)
        #expect(refused.errorCode == .flood)
        #expect(log.last?.reason == .tooManyRuns)
        #expect(table.respond(to: underWay.parameters, at: self.now).body == underWay.parametersAnswer)

        // After a minute the oldest gives way.
        let minuteLater = self.now.later(by: 60)
        #expect(table.respond(to: TamperingClient(seed: 9).requestProduct(), at: minuteLater).body != nil)
        #expect(table.respond(to: underWay.parameters, at: minuteLater).errorCode == .notFound)

        // After their lifetime there is room again.
        let later = self.now.later(by: 660)
        #expect(table.respond(to: TamperingClient(seed: 8).requestProduct(), at: later).body != nil)
        #expect(table.runCount == 1)
    }

    // MARK: Collisions

    @Test func collisionIsRefused() throws {
        let log = RejectionLog()
        let table = try KeyExchangeFixtures.makeTable(rejections: log)
        var asked: UInt64?
        let run = try Run(table, at: self.now) { identifier in
            asked = identifier
            return true
        }
        let answer = try DHGenerationFail(try #require(run.verdictResponse?.body))
        #expect(asked == run.client.key?.identifier)
        #expect(answer.newNonceHash == run.client.hash(.fail))
        #expect(run.verdictResponse?.establishedKey == nil)
        #expect(log.last == KeyExchangeError(.verdict, .refused))
        #expect(table.respond(to: run.verdict, at: self.now).body == run.verdictResponse?.body)
    }

    /// With the option for tests of clients: our client lives through retries of our server, and both give up in time.
    @Test(arguments: [1, 5, 6]) func collisionsAreRetried(count: Int) throws {
        let table = try KeyExchangeFixtures.makeTable { $0.collisionAnswer = .retry }
        var client = ClientKeyExchange(
            publicKeys: [KeyExchangeFixtures.privateKey.publicKey],
            dataCenter: nil,
            random: .seeded(3),
            maximumRetries: 10
        )
        var collisions = count
        var query = client.start()
        var key: EstablishedKey?
        var isRefused = false
        for _ in 0..<(3 + count) where key == nil && !isRefused {
            let response = table.respond(to: query, at: self.now) { _ in
                collisions -= 1
                return collisions >= 0
            }
            key = response.establishedKey
            do {
                let action = try client.receive(try #require(response.body), at: self.now)
                query = action.query ?? query
                #expect((key == nil) == (action.result == nil))
                #expect(key?.authorizationKey == action.result?.authorizationKey)
            } catch let error as KeyExchangeError {
                #expect(error == KeyExchangeError(.verdict, .refused))
                isRefused = true
            }
        }
        #expect((key != nil) == (count <= 5))
        #expect(isRefused == (count > 5))
    }

    // MARK: Other messages

    @Test func acknowledgementIsIgnoredAndEverythingElseIsRefused() throws {
        let log = RejectionLog()
        let table = try KeyExchangeFixtures.makeTable(rejections: log)
        let acknowledgement = MessagesAcknowledgement(identifiers: [1, 2, 3]).serialized()
        #expect(table.respond(to: acknowledgement, at: self.now).isIgnored)
        #expect(log.all.isEmpty)
        let others = [
            ByteBuffer(),
            ByteBuffer(bytes: [1, 2, 3]),
            Ping(pingIdentifier: 1).serialized(),
            HelpGetConfig().serialized(),
            ResultPQ(nonce: Bytes16(), serverNonce: Bytes16(), product: [15], fingerprints: []).serialized(),
        ]
        for other in others {
            #expect(table.respond(to: other, at: self.now).errorCode == .notFound)
            let constructor = other.getInteger(at: 0, endianness: .little, as: UInt32.self) ?? 0
            #expect(log.last == KeyExchangeError(.product, .unexpectedMessage(constructor: constructor)))
        }
        let short = RequestPQMulti(nonce: Bytes16()).serialized().getSlice(at: 0, length: 19)
        #expect(table.respond(to: try #require(short), at: self.now).errorCode == .notFound)
        #expect(log.last == KeyExchangeError(.product, .malformed))
    }

    @Test func probesOfBothKindsOnOneConnection() throws {
        let table = try KeyExchangeFixtures.makeTable()
        let random = RandomSource.seeded(4)
        var serverNonces: Set<Bytes16> = []
        for index in 0..<20 {
            let nonce = Bytes16.random(random)
            let query =
                index % 2 == 0 ? RequestPQ(nonce: nonce).serialized() : RequestPQMulti(nonce: nonce).serialized()
            let answer = try ResultPQ(try #require(table.respond(to: query, at: self.now).body))
            #expect(answer.nonce == nonce)
            #expect(answer.product.count == 8)
            #expect(answer.fingerprints == [KeyExchangeFixtures.privateKey.publicKey.fingerprint])
            let product = try #require(ExchangeNumber.parse(answer.product))
            #expect(product <= UInt64(Int64.max))
            serverNonces.insert(answer.serverNonce)
        }
        #expect(serverNonces.count == 20)
    }

    /// Several keys are offered in order; each of them works.
    @Test func severalPrivateKeys() throws {
        let second = try RSAPrivateKey.generate()
        let table = try KeyExchangeFixtures.makeTable { $0.privateKeys = [second, KeyExchangeFixtures.privateKey] }
        for key in [second.publicKey, KeyExchangeFixtures.privateKey.publicKey] {
            var client = ClientKeyExchange(publicKeys: [key], dataCenter: nil, random: .seeded(6))
            var query = client.start()
            for _ in 0..<2 {
                let answer = try #require(table.respond(to: query, at: self.now).body)
                query = try #require(try client.receive(answer, at: self.now).query)
            }
            #expect(table.respond(to: query, at: self.now).establishedKey != nil)
        }
    }

    // MARK: Whole exchanges

    @Test(
        arguments: [nil, DataCenterIdentifier(2), DataCenterIdentifier(2, isMedia: true)],
        [KeyLifetime.permanent, .temporary(expiresIn: 3600)]
    )
    func clientAndServerAgree(dataCenter: DataCenterIdentifier?, lifetime: KeyLifetime) throws {
        let table = try KeyExchangeFixtures.makeTable {
            $0.dataCenterPolicy = .oneOf([DataCenterIdentifier(2)])
            $0.random = .system
        }
        let clientTime = SessionTime(wallNanoseconds: 1_000_000_000, monotonicNanoseconds: 5)
        var client = ClientKeyExchange(
            publicKeys: [KeyExchangeFixtures.privateKey.publicKey],
            dataCenter: dataCenter,
            lifetime: lifetime
        )
        var query = client.start()
        var key: EstablishedKey?
        var result: KeyExchangeResult?
        for _ in 0..<3 {
            let response = table.respond(to: query, at: self.now)
            key = response.establishedKey
            let action = try client.receive(try #require(response.body), at: clientTime)
            query = action.query ?? query
            result = action.result
        }
        let established = try #require(key)
        #expect(result?.authorizationKey == established.authorizationKey)
        #expect(result?.salt == established.initialSalt)
        #expect(result?.expiresAt == established.expiresAt)
        #expect(established.dataCenter == dataCenter.map { Int32($0.encoded) })
        #expect(!established.usedLegacyPadding)
        #expect(result?.timeOffsetNanoseconds == self.now.wallNanoseconds - 1_000_000_000)
        #expect(established.description.contains("expires") == (lifetime != .permanent))
    }

    /// Runs on all threads at once, each step of them on any thread.
    @Test func concurrentRuns() async throws {
        let table = try KeyExchangeFixtures.makeTable()
        let now = self.now
        let identifiers = try await withThrowingTaskGroup(of: UInt64?.self) { group in
            for seed in 1...12 as ClosedRange<UInt64> {
                group.addTask {
                    try Run(table, at: now, client: TamperingClient(seed: 1000 + seed)).verdictResponse?
                        .establishedKey?.authorizationKey.identifier
                }
            }
            return try await group.reduce(into: Set<UInt64>()) { set, identifier in
                set.insert(try #require(identifier))
            }
        }
        #expect(identifiers.count == 12)
        #expect(table.runCount == 12)
    }
}
