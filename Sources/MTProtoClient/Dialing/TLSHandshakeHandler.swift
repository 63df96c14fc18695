// SPDX-License-Identifier: Apache-2.0

internal import NIOCore
internal import NIOSSL
internal import NIOTLS

/// Waits for the end of a TLS handshake, says how it ended, and leaves.
final class TLSHandshakeHandler: ChannelInboundHandler, RemovableChannelHandler {
    typealias InboundIn = NIOAny

    private let promise: EventLoopPromise<Void>

    init(_ promise: EventLoopPromise<Void>) {
        self.promise = promise
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        if case .handshakeCompleted = event as? TLSUserEvent {
            self.promise.succeed()
            context.pipeline.syncOperations.removeHandler(context: context, promise: nil)
        }
        context.fireUserInboundEventTriggered(event)
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        switch error {
        case is IOError: self.promise.fail(error)
        case let error as NIOSSLError where Self.isEnd(error): self.promise.fail(ConnectionClosedByPeer())
        default: self.promise.fail(TLSFailure(cause: error))
        }
        context.fireErrorCaught(error)
    }

    /// Whether an error only says that the connection ended.
    private static func isEnd(_ error: NIOSSLError) -> Bool {
        switch error {
        case .uncleanShutdown: true
        case .handshakeFailed(.sslError(let stack)):
            stack == [.eofDuringHandshake] || stack == [.eofDuringAdditionalCertficiateChainValidation]
        default: false
        }
    }

    func channelInactive(context: ChannelHandlerContext) {
        self.promise.fail(ConnectionClosedByPeer())
        context.fireChannelInactive()
    }

    func handlerRemoved(context: ChannelHandlerContext) {
        self.promise.fail(ChannelError.ioOnClosedChannel)
    }
}

/// TLS did not come about.
struct TLSFailure: Error {
    let cause: any Error
    /// Whether the configuration cannot be used, whatever the server says.
    var isConfiguration = false

    /// Whether the server's certificate is the reason.
    var isCertificate: Bool {
        switch self.cause {
        case let error as NIOSSLExtraError:
            return error == .failedToValidateHostname || error == .serverHostnameImpossibleToMatch
        case NIOSSLError.handshakeFailed(let error):
            // The library has no other name for it.
            return "\(error)".contains("CERTIFICATE_VERIFY_FAILED")
        case NIOSSLError.unableToValidateCertificate, NIOSSLError.noCertificateToValidate:
            return true
        default:
            return false
        }
    }
}
