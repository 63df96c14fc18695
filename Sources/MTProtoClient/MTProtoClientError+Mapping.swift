// SPDX-License-Identifier: Apache-2.0

internal import MTProtoSession
internal import MTProtoTransport
internal import NIOCore
internal import NIOHTTP1
internal import NIOPosix
internal import NIOSSL

extension MTProtoClientError {
    /// The public error of whatever went wrong below.
    static func make(from error: any Error, phase: ConnectionPhase, endpoint: String) -> MTProtoClientError {
        var result = self.classify(error, phase: phase)
        if result.endpoint == nil { result.endpoint = endpoint }
        return result
    }

    private static func classify(_ error: any Error, phase: ConnectionPhase) -> MTProtoClientError {
        func make(_ code: Code, _ message: String) -> MTProtoClientError {
            MTProtoClientError(code, phase: phase, message: message, underlying: error)
        }
        switch error {
        case let error as MTProtoClientError:
            return error
        case is CancellationError:
            return make(.cancelled, "")
        case is AttemptOvertaken:
            return make(.cancelled, "another way was answered first")
        case let error as HopFailure:
            var result = self.classify(error.cause, phase: phase)
            if result.code == .connectionClosed { result.message = "by the proxy" }
            result.hop = error.index
            result.hopDescription = "\(error.hop)"
            return result
        case let error as QueryFailure:
            var result = self.classify(error.cause, phase: error.phase)
            result.delivery = error.delivery ?? result.delivery
            return result
        case let error as ReceivedTransportError:
            let isUnknownKey = error.code == .notFound && phase >= .encryptedSession
            var result = make(isUnknownKey ? .authorizationKeyUnknown : .transportError, error.code.explanation)
            result.transportError = error.code
            return result
        case let error as RPCErrorMessage:
            var result = make(.rpcError, "\(error.code) \(error.message)")
            result.rpcError = error
            return result
        case let error as ClientTimeout:
            return make(.timeout, "after \(error.limit.nanoseconds / 1_000_000) ms")
        case let error as KeyExchangeError:
            return make(.keyExchange, "\(error)")
        case let error as SessionError:
            var result = make(self.code(of: error), "\(error)")
            result.delivery = error.deliveryState
            return result
        case let error as TransportConnectionError:
            return make(.framing, "\(error)")
        case is MessageError:
            return make(phase < .encryptedSession ? .keyExchange : .session, "malformed message")
        case is ConnectionClosedByPeer:
            return make(.connectionClosed, "by the server")
        case is ConnectionClosedLocally:
            return make(.connectionClosed, "by this end")
        case is TemporaryKeyReplaced:
            return make(.queryLost, "the temporary key is another one now")
        case is AttemptAbandoned:
            return make(.cancelled, "to connect anew")
        case is ConnectionDead:
            return make(.timeout, "the server does not answer pings")
        default:
            return self.classifyCarrier(error, phase: phase)
        }
    }

    /// Errors of TLS, WebSockets and HTTP.
    private static func classifyCarrier(_ error: any Error, phase: ConnectionPhase) -> MTProtoClientError {
        func make(_ code: Code, _ message: String) -> MTProtoClientError {
            MTProtoClientError(code, phase: phase, message: message, underlying: error)
        }
        switch error {
        case let error as TLSFailure:
            if error.isConfiguration { return make(.invalidConfiguration, "the TLS configuration cannot be used") }
            return error.isCertificate
                ? make(.certificateRefused, "it is not the host's, or nobody trusted has signed it")
                : make(.tls, "\(error.cause)")
        case NIOSSLError.uncleanShutdown:
            return make(.connectionClosed, "by the server")
        case is NIOSSLError, is BoringSSLError, is NIOSSLExtraError:
            return make(.tls, "\(error)")
        case let error as WebSocketRefusal:
            var result = make(
                .upgradeRefused,
                error.status == 101 ? "the server's answer is not a WebSocket's" : "HTTP status \(error.status)"
            )
            result.httpStatus = Int(clamping: error.status)
            return result
        case let error as WebSocketClosed:
            // The reason is the server's text: not for logs as it is.
            return make(.connectionClosed, "by the server, WebSocket code \(error.code.map { "\($0)" } ?? "missing")")
        case let error as WebSocketStreamError:
            return make(.framing, "WebSocket: \(error)")
        case let error as HTTPResponseError:
            var result = make(.http, "\(error)")
            if case .status(let status) = error.kind { result.httpStatus = status }
            return result
        case is NIOHTTPDecoderError:
            return make(.http, "a response that nobody asked for")
        case is ByteToMessageDecoderError:
            return make(.framing, "bytes are left over")
        case let error as HTTPParserError:
            return error == .invalidEOFState
                ? make(.connectionClosed, "by the server, within a response") : make(.http, "\(error)")
        default:
            return self.classifyProxy(error, phase: phase)
        }
    }

    /// Errors of handshakes with proxies.
    private static func classifyProxy(_ error: any Error, phase: ConnectionPhase) -> MTProtoClientError {
        func make(_ code: Code, _ message: String) -> MTProtoClientError {
            MTProtoClientError(code, phase: phase, message: message, underlying: error)
        }
        switch error {
        case let error as SOCKS5Error:
            switch error.code {
            case .credentialsRefused, .noAcceptableMethod: return make(.proxyAuthentication, "\(error)")
            case .emptyPassword, .invalidDestination: return make(.invalidConfiguration, "\(error)")
            case .wrongVersion, .malformed, .unexpectedMethod: return make(.proxyProtocol, "\(error)")
            default: return make(.proxyRefused, "\(error)")
            }
        case let error as HTTPConnectError:
            guard let status = error.status else {
                return make(error.code == .ended ? .connectionClosed : .proxyProtocol, "\(error)")
            }
            var result = make(error.isAboutCredentials ? .proxyAuthentication : .proxyRefused, "HTTP status \(status)")
            result.httpStatus = status
            return result
        case let error as FakeTLSError:
            switch error.code {
            case .alert, .ordinaryTLSServer: return make(.fakeTLS, "\(error)")
            case .notFakeTLSSecret: return make(.invalidConfiguration, "\(error)")
            default: return make(.proxyProtocol, "\(error)")
            }
        case let error as FakeTLSDataFailure:
            var result = make(error.cause.code == .alert ? .connectionClosed : .framing, "\(error.cause)")
            result.underlying = error.cause
            return result
        case let error as HopHandshakeViolation:
            switch error {
            case .consumesNothing: return make(.proxyProtocol, "the handshake sends without having consumed anything")
            case .holdsTooMuch: return make(.proxyProtocol, "the handshake waits for too long a message")
            }
        case is DialerViolation:
            return make(.invalidConfiguration, "the dialer's channels cannot live on the client's event loops")
        default:
            return self.classifySystem(error, phase: phase)
        }
    }

    private static func code(of error: SessionError) -> Code {
        switch error.code {
        case .queueFull: return .queueFull
        case .invalidQuery: return .invalidQuery
        case .deliveryUnknown, .sessionRestarted, .rejected, .answerLost, .answerTooLarge: return .queryLost
        default: return .session
        }
    }

    private static func classifySystem(_ error: any Error, phase: ConnectionPhase) -> MTProtoClientError {
        func make(_ code: Code, _ message: String) -> MTProtoClientError {
            MTProtoClientError(code, phase: phase, message: message, underlying: error)
        }
        switch error {
        case let error as NIOConnectionError:
            if let first = error.connectionErrors.first {
                var result = self.classifySystem(first.error, phase: phase)
                result.underlying = error
                return result
            }
            return make(.nameNotResolved, "\(error.host) has no address")
        case ChannelError.connectTimeout(let limit):
            return make(.timeout, "after \(limit.nanoseconds / 1_000_000) ms")
        case is ChannelError:
            return make(.connectionClosed, "")
        case let error as IOError:
            switch error.errnoCode {
            case ECONNREFUSED: return make(.connectionRefused, "nobody listens there")
            case ENETUNREACH, EHOSTUNREACH: return make(.unreachable, "no route")
            case ETIMEDOUT: return make(.timeout, "no answer")
            case ECONNRESET, EPIPE: return make(.connectionClosed, "reset by the server")
            default: return make(.inputOutput, "errno \(error.errnoCode)")
            }
        case is SocketAddressError:
            return make(.nameNotResolved, "no address")
        default:
            // Unknown errors may hold anything: only their kind is told.
            return make(.inputOutput, "\(type(of: error))")
        }
    }
}

extension ConnectionPhase: Comparable {
    /// Phases in the order in which they happen.
    public static func < (lhs: ConnectionPhase, rhs: ConnectionPhase) -> Bool {
        guard let left = self.allCases.firstIndex(of: lhs), let right = self.allCases.firstIndex(of: rhs) else {
            return false
        }
        return left < right
    }
}

extension TransportErrorCode {
    fileprivate var explanation: String {
        switch self {
        case .forbidden: return "403: forbidden"
        case .notFound: return "404: key or request unknown"
        case .flood: return "429: too many connections or messages"
        case .invalidDataCenter: return "444: wrong data centre"
        default: return "\(self.rawValue)"
        }
    }
}
