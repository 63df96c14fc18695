// SPDX-License-Identifier: Apache-2.0
import MTProtoTransport

/// Everything that reads foreign bytes, each as one function of an input.
///
/// A fault is a trap: the code under test must never trap on its own, and the entries check with `precondition` what must
/// hold of its answers. libFuzzer drives them in the package `Fuzz`; a test replays `Fuzz/Corpora` through them.
public enum FuzzTarget: String, CaseIterable, Sendable {
    /// The first bytes of a connection.
    case detection
    /// The decoders of the four framings, in both roles, at changing splits of the input.
    case abridgedFrames, intermediateFrames, paddedFrames, fullFrames
    /// The 64 bytes that begin an obfuscated connection, and what follows them.
    case obfuscation
    /// A whole connection below the payload, in both roles.
    case transportConnection
    /// A WebSocket below the transport, in both roles.
    case webSocket
    /// The requests of an HTTP connection.
    case httpRequests
    /// Proxy secrets and endpoint texts.
    case links
    /// The answers of a SOCKS5 proxy.
    case socks5
    /// The answer of an HTTP proxy, and what is glued behind it.
    case httpConnect
    /// Links and URLs of proxies.
    case proxyLinks
    /// Texts of profiles of a ClientHello.
    case helloProfile
    /// The answer of a proxy to the ClientHello of FakeTLS.
    case serverHello
    /// The records of FakeTLS, and a stream there and back.
    case fakeTLSRecords
    /// The primitive reads of the TL reader, in an order that the input chooses.
    case tlReader
    /// Each TL type by itself: what it reads, it writes again.
    case tlObjects
    /// One message body: all service constructors, containers, compression.
    case messageBody
    /// The wrappers around an API query.
    case queryEnvelope
    /// A payload with key identifier 0.
    case plaintextMessage
    /// An encrypted payload: as it comes, and with a valid message key around a hostile plaintext.
    case encryptedMessage
    /// The client's session rules against a hostile server that knows the key.
    case clientSession
    /// The server's session rules against a hostile client that knows the key.
    case serverSession
    /// When an HTTP request that waits is answered.
    case httpWait
    /// The send queue of a session over HTTP, with losses, repetitions, short memory and a store that saves it.
    case serverQueue
    /// A session as a store gives it back, and what it does then.
    case storedSession
    /// The server side of the key exchange.
    case serverKeyExchange
    /// The client side of the key exchange.
    case clientKeyExchange

    /// Runs the code under test on one input.
    public func run(_ bytes: UnsafeRawBufferPointer) {
        var input = FuzzInput(bytes)
        switch self {
        case .detection: fuzzDetection(&input)
        case .abridgedFrames: fuzzFrames(.abridged, &input)
        case .intermediateFrames: fuzzFrames(.intermediate, &input)
        case .paddedFrames: fuzzFrames(.paddedIntermediate, &input)
        case .fullFrames: fuzzFrames(.full, &input)
        case .obfuscation: fuzzObfuscation(&input)
        case .transportConnection: fuzzTransportConnection(&input)
        case .webSocket: fuzzWebSocket(&input)
        case .httpRequests: fuzzHTTPRequests(&input)
        case .links: fuzzLinks(&input)
        case .socks5: fuzzSOCKS5(&input)
        case .httpConnect: fuzzHTTPConnect(&input)
        case .proxyLinks: fuzzProxyLinks(&input)
        case .helloProfile: fuzzHelloProfile(&input)
        case .serverHello: fuzzServerHello(&input)
        case .fakeTLSRecords: fuzzFakeTLSRecords(&input)
        case .tlReader: fuzzReader(&input)
        case .tlObjects: fuzzObjects(&input)
        case .messageBody: fuzzMessageBody(&input)
        case .queryEnvelope: fuzzQueryEnvelope(&input)
        case .plaintextMessage: fuzzPlaintextMessage(&input)
        case .encryptedMessage: fuzzEncryptedMessage(&input)
        case .clientSession: fuzzClientSession(&input)
        case .serverSession: fuzzServerSession(&input)
        case .httpWait: fuzzHTTPWait(&input)
        case .serverQueue: fuzzServerQueue(&input)
        case .storedSession: fuzzStoredSession(&input)
        case .serverKeyExchange: fuzzServerKeyExchange(&input)
        case .clientKeyExchange: fuzzClientKeyExchange(&input)
        }
    }
}
