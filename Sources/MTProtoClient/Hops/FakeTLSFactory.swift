// SPDX-License-Identifier: Apache-2.0

internal import MTProtoCrypto
internal import MTProtoSession
internal import MTProtoTransport

/// Makes the handshakes of FakeTLS, each with the time that it is when it begins.
struct FakeTLSFactory: Sendable {
    private let clock: SessionClock
    /// What is known of the servers' time; proxies have it as well.
    private let timeOffsetNanoseconds: Int64
    private let profile: FakeTLSHelloProfile
    private let random: RandomSource

    init(_ configuration: ClientConfiguration, _ profile: FakeTLSHelloProfile) {
        self.clock = configuration.clock
        let saved = configuration.savedConnection
        self.timeOffsetNanoseconds =
            saved?.temporary?.session.timeOffsetNanoseconds ?? saved?.permanent.timeOffsetNanoseconds ?? 0
        self.profile = profile
        self.random = configuration.random
    }

    func makeHandshake(secret: ProxySecret) throws(FakeTLSError) -> FakeTLSClientHandshake {
        let clock = self.clock
        let offset = self.timeOffsetNanoseconds
        return try FakeTLSClientHandshake(
            secret: secret,
            clock: { (clock.now().wallNanoseconds &+ offset) / 1_000_000_000 },
            profile: self.profile,
            random: self.random
        )
    }
}

extension FakeTLSError {
    /// Whether the proxy may only not have known the hello: it shows an ordinary server to whomever it does not know.
    var mayBeProfile: Bool {
        switch self.code {
        case .ordinaryTLSServer, .alert: true
        default: false
        }
    }
}
