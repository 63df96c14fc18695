// SPDX-License-Identifier: Apache-2.0

internal import MTProtoTransport

/// What a failed attempt says about its way.
enum FailureMeaning: Hashable, Sendable {
    /// The way does not work, or not now.
    case way
    /// This machine's network, unless another way works.
    case network
    /// Nothing: it was given up, or the data centre itself has answered.
    case other

    init(_ failure: MTProtoClientError) {
        switch failure.code {
        case .connectionRefused, .timeout, .connectionClosed, .framing, .tls, .certificateRefused, .upgradeRefused,
            .http,
            .proxyRefused, .proxyAuthentication, .proxyProtocol, .fakeTLS, .inputOutput:
            self = .way
        case .unreachable, .nameNotResolved:
            self = .network
        default:
            self = .other
        }
    }
}

extension MTProtoClientError {
    /// Whether the server says that there is too much of us.
    var isFlood: Bool { self.transportError == .flood || self.httpStatus == 429 }

    /// Whether somebody at the other end has answered, and does not want us.
    var isRefusal: Bool { self.transportError != nil || self.code == .keyExchange }
}
