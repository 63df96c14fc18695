// SPDX-License-Identifier: Apache-2.0

internal import MTProtoSession
internal import MTProtoTransport
internal import NIOCore
internal import NIOPosix

extension MTProtoClientError {
    /// The public error of whatever went wrong below.
    static func make(from error: any Error, phase: ConnectionPhase, endpoint: SocketEndpoint) -> MTProtoClientError {
        var result = self.classify(error, phase: phase)
        if result.endpoint == nil { result.endpoint = "\(endpoint)" }
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
        case is ConnectionDead:
            return make(.timeout, "the server does not answer pings")
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
            return make(.inputOutput, "\(error)")
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

extension EventLoopFuture where Value: Sendable {
    /// The value; when it does not come in time, the channel is closed and ``ClientTimeout`` is thrown.
    func get(within limit: Duration, on channel: any Channel) async throws -> Value {
        let limit = TimeAmount(limit)
        let promise = self.eventLoop.makePromise(of: Value.self)
        let timer = self.eventLoop.scheduleTask(in: limit) {
            promise.fail(ClientTimeout(limit: limit))
            channel.close(promise: nil)
        }
        self.whenComplete { result in
            timer.cancel()
            promise.completeWith(result)
        }
        return try await promise.futureResult.get()
    }
}
