// SPDX-License-Identifier: Apache-2.0

internal import NIOCore
internal import NIOSSL
internal import NIOTLS

/// Waits for the end of a TLS handshake, says how it ended, and leaves.
final class TLSHandshakeHandler: ChannelInboundHandler, RemovableChannelHandler {
    typealias InboundIn = NIOAny

    private let promise: EventLoopPromise<Void>
    private let isPeerRight: () -> Bool
    private var isOver = false

    /// Makes the handler.
    ///
    /// - Parameters:
    ///   - promise: how the handshake ended.
    ///   - isPeerRight: a last check, behind those of the library: whether the certificate is the host's.
    init(_ promise: EventLoopPromise<Void>, isPeerRight: @escaping () -> Bool) {
        self.promise = promise
        self.isPeerRight = isPeerRight
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        if case .handshakeCompleted = event as? TLSUserEvent {
            let isPeerRight = self.isPeerRight()
            self.isOver = true
            // Whoever comes behind must not take the end of this handshake for that of its own. And it finds this one gone.
            context.pipeline.syncOperations.removeHandler(context: context, promise: nil)
            if isPeerRight {
                self.promise.succeed()
            } else {
                self.promise.fail(TLSFailure(cause: NIOSSLExtraError.failedToValidateHostname))
            }
        } else {
            context.fireUserInboundEventTriggered(event)
        }
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
        if !self.isOver { self.promise.fail(ChannelError.ioOnClosedChannel) }
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
