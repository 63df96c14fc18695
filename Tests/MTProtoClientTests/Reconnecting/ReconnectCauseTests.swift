// SPDX-License-Identifier: Apache-2.0

import MTProtoSession
import MTProtoTransport
import Testing

@testable import MTProtoClient

@Suite struct ReconnectCauseTests {
    private static func error(
        _ code: MTProtoClientError.Code,
        transportError: TransportErrorCode? = nil,
        httpStatus: Int? = nil,
        rpcError: RPCErrorMessage? = nil
    ) -> MTProtoClientError {
        var error = MTProtoClientError(code, phase: .dial, message: "")
        error.transportError = transportError
        error.httpStatus = httpStatus
        error.rpcError = rpcError
        return error
    }

    private static func cause(
        _ error: MTProtoClientError,
        hasTemporaryKey: Bool = false,
        hasWorked: Bool = false
    ) -> ReconnectCause {
        ReconnectCause(error, hasTemporaryKey: hasTemporaryKey, hasWorked: hasWorked)
    }

    @Test("Refusals are told from what the server says for certain")
    func refusals() {
        let error = Self.error(.authorizationKeyUnknown, transportError: .notFound)
        for (hasTemporaryKey, hasWorked) in [(false, false), (false, true), (true, false), (true, true)] {
            #expect(Self.cause(error, hasTemporaryKey: hasTemporaryKey, hasWorked: hasWorked) == .keyRefused)
        }
        // The same code in the key exchange is about no key.
        #expect(Self.cause(Self.error(.transportError, transportError: .notFound)) == .passing)
        #expect(Self.cause(Self.error(.transportError, transportError: .forbidden), hasWorked: true) == .refused)
        #expect(Self.cause(Self.error(.transportError, transportError: .invalidDataCenter)) == .refused)
        let unbound = Self.error(.rpcError, rpcError: RPCErrorMessage(code: 401, message: "AUTH_KEY_PERM_EMPTY"))
        #expect(Self.cause(unbound, hasTemporaryKey: true) == .temporaryKeyUnusable)
        #expect(Self.cause(unbound) == .lasting)
        let wait = Self.error(.rpcError, rpcError: RPCErrorMessage(code: 420, message: "FLOOD_WAIT_3"))
        #expect(Self.cause(wait, hasTemporaryKey: true) == .flood)
    }

    @Test("Too many, by transport error or status")
    func flood() {
        #expect(Self.cause(Self.error(.transportError, transportError: .flood)) == .flood)
        #expect(Self.cause(Self.error(.http, httpStatus: 429)) == .flood)
        #expect(Self.cause(Self.error(.upgradeRefused, httpStatus: 429)) == .flood)
    }

    @Test("What cannot change ends it; what stands in the way of a client that has worked may go away")
    func lasting() {
        #expect(Self.cause(Self.error(.invalidConfiguration), hasWorked: true) == .lasting)
        for code: MTProtoClientError.Code in [
            .certificateRefused, .keyExchange, .upgradeRefused, .http, .proxyProtocol, .proxyAuthentication, .fakeTLS,
        ] {
            #expect(Self.cause(Self.error(code)) == .lasting)
            #expect(Self.cause(Self.error(code), hasWorked: true) == .passing)
        }
    }

    @Test("What passes is tried again")
    func passing() {
        for code: MTProtoClientError.Code in [
            .connectionRefused, .nameNotResolved, .timeout, .connectionClosed, .framing, .tls, .session, .inputOutput,
        ] {
            #expect(Self.cause(Self.error(code)) == .passing)
        }
        #expect(Self.cause(Self.error(.unreachable)) == .noRoute)
        #expect(Self.cause(Self.error(.cancelled)) == .passing)
    }
}
