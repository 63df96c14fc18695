// SPDX-License-Identifier: Apache-2.0

import MTProtoCrypto
import MTProtoTransport
import NIOCore
import Synchronization
import Testing

@testable import MTProtoSession

/// What the tests of the key exchange share.
enum KeyExchangeFixtures {
    /// The test key of the vectors.
    static let privateKey: RSAPrivateKey = {
        do {
            return try RSAPrivateKey(
                firstPrime: KeyExchangeVectors.bytes(KeyExchangeVectors.keyP),
                secondPrime: KeyExchangeVectors.bytes(KeyExchangeVectors.keyQ)
            )
        } catch {
            fatalError("the test key of the vectors does not load: \(error)")
        }
    }()

    /// The moment of the sample exchange, one second after the server's time in it.
    static let now = SessionTime(wallNanoseconds: 1_705_754_878_000_000_000, monotonicNanoseconds: 1_000_000_000_000)

    static let serverTime: Int32 = 1_705_754_877

    /// A source that gives these values to the first requests of the same length, and pseudo-random bytes otherwise.
    static func random(_ values: [[UInt8]], seed: UInt64 = 1) -> RandomSource {
        let queue = Queue(values)
        let fallback = RandomSource.seeded(seed)
        return RandomSource { buffer in
            if let value = queue.take(count: buffer.count) {
                buffer.copyBytes(from: value)
            } else {
                fallback.fill(buffer)
            }
        }
    }

    private final class Queue: Sendable {
        private let values: Mutex<[[UInt8]]>

        init(_ values: [[UInt8]]) {
            self.values = Mutex(values)
        }

        func take(count: Int) -> [UInt8]? {
            self.values.withLock { values in
                values.firstIndex { $0.count == count }.map { values.remove(at: $0) }
            }
        }
    }

    /// A table over the test key.
    static func makeTable(
        seed: UInt64 = 7,
        rejections: RejectionLog = RejectionLog(),
        configure: (inout ServerKeyExchangeTable.Configuration) -> Void = { _ in }
    ) throws -> ServerKeyExchangeTable {
        var configuration = ServerKeyExchangeTable.Configuration(privateKeys: [Self.privateKey])
        configuration.random = .seeded(seed)
        configuration.reportRejection = { rejections.append($0) }
        configure(&configuration)
        return try ServerKeyExchangeTable(configuration: configuration)
    }
}

/// The rejections that a table reported.
final class RejectionLog: Sendable {
    private let errors = Mutex<[KeyExchangeError]>([])

    func append(_ error: KeyExchangeError) {
        self.errors.withLock { $0.append(error) }
    }

    var all: [KeyExchangeError] { self.errors.withLock { $0 } }
    var last: KeyExchangeError? { self.all.last }
}

extension ServerKeyExchangeTable.Response {
    /// The body of a reply of either kind.
    var body: ByteBuffer? {
        switch self {
        case .reply(let body), .replyAndStore(let body, _): body
        case .transportError, .ignore: nil
        }
    }

    var establishedKey: EstablishedKey? {
        if case .replyAndStore(_, let key) = self { key } else { nil }
    }

    var errorCode: TransportErrorCode? {
        if case .transportError(let code) = self { code } else { nil }
    }

    var isIgnored: Bool {
        if case .ignore = self { true } else { false }
    }
}

extension ClientKeyExchange.Action {
    var query: ByteBuffer? {
        if case .send(let body) = self { body } else { nil }
    }

    var result: KeyExchangeResult? {
        if case .finished(let result) = self { result } else { nil }
    }

    var isIgnored: Bool {
        if case .ignored = self { true } else { false }
    }
}

extension SessionTime {
    /// Both clocks so many seconds later.
    func later(by seconds: Int64) -> SessionTime {
        SessionTime(
            wallNanoseconds: self.wallNanoseconds + seconds * 1_000_000_000,
            monotonicNanoseconds: self.monotonicNanoseconds + seconds * 1_000_000_000
        )
    }
}
