// SPDX-License-Identifier: Apache-2.0

public import MTProtoCrypto
public import NIOCore

/// The client's side of FakeTLS: sends a hello and checks the answer. Afterwards the stream goes through
/// ``FakeTLSRecordEncoder`` and ``FakeTLSRecordDecoder``.
///
/// Specification: none official; what MTProxy and official clients do.
public struct FakeTLSClientHandshake: HopHandshake {
    private enum State {
        case notStarted
        case awaitingReply(FakeTLSServerReply)
        case done
        case failed(FakeTLSError)
    }

    private let domain: String
    private let key: Bytes16
    private let clock: @Sendable () -> Int64
    private let profile: FakeTLSHelloProfile
    private let random: RandomSource
    private var hello: ByteBuffer?
    private var state = State.notStarted

    /// Prepares a handshake, for one connection.
    ///
    /// - Parameters:
    ///   - secret: A secret of FakeTLS.
    ///   - clock: The time in seconds since 1970 as the proxy has it; some take only 3 seconds of difference. It is read in
    ///     ``start()``, which may come long after this when other hops have to be passed first.
    ///   - profile: What the hello looks like. Old proxies, the official source among them, take only
    ///     ``FakeTLSHelloProfile/compact``: to them others are a stranger's, so that an ordinary TLS server answers
    ///     (``FakeTLSError`` with `ordinaryTLSServer`). Who wants to reach them tries again with it, over a new connection.
    ///   - random: Where random bytes come from.
    /// - Throws: ``FakeTLSError`` with `notFakeTLSSecret`.
    public init(
        secret: ProxySecret,
        clock: @escaping @Sendable () -> Int64,
        profile: FakeTLSHelloProfile = .chrome,
        random: RandomSource = .system
    ) throws(FakeTLSError) {
        guard case .fakeTLS(let domain) = secret.kind else { throw FakeTLSError(.notFakeTLSSecret) }
        self.domain = domain
        self.key = secret.key
        self.clock = clock
        self.profile = profile
        self.random = random
    }

    /// The hello, with the time that it is at the first call. Write it at once.
    public mutating func start() -> ByteBuffer {
        if let hello = self.hello { return hello }
        let hello = FakeTLSClientHello(
            domain: self.domain,
            key: self.key,
            unixTime: self.clock(),
            profile: self.profile,
            random: self.random
        )
        self.hello = hello.record
        self.state = .awaitingReply(FakeTLSServerReply(key: self.key, answering: hello.random))
        return hello.record
    }

    /// Takes bytes of the proxy; see ``HopHandshake/receive(_:)``. It has nothing more to send.
    ///
    /// - Throws: ``FakeTLSError``.
    public mutating func receive(_ received: inout ByteBuffer) throws(FakeTLSError) -> HopHandshakeAction {
        let reply: FakeTLSServerReply
        switch self.state {
        case .notStarted: return .needsMoreBytes
        case .done: return .done
        case .failed(let error): throw error
        case .awaitingReply(let awaited): reply = awaited
        }
        do throws(FakeTLSError) {
            guard try reply.read(&received) else { return .needsMoreBytes }
        } catch {
            self.state = .failed(error)
            throw error
        }
        self.state = .done
        return .done
    }
}
