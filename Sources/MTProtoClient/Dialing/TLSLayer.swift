// SPDX-License-Identifier: Apache-2.0

internal import MTProtoTransport
internal import NIOCore
internal import NIOSSL

/// TLS with one peer, wherever its bytes come from.
struct TLSLayer: Sendable {
    private let context: NIOSSLContext
    private let serverName: String?
    /// The address that the certificate must be for, when it is not for a name. The channel's peer may be a proxy: its address
    /// says nothing.
    private let address: [UInt8]?

    /// Prepares TLS. Reads trust roots: not for event loops.
    ///
    /// - Parameters:
    ///   - endpoint: whom to speak to; the certificate must be for its host.
    ///   - serverName: whom the certificate must be for instead.
    ///   - configuration: how.
    /// - Throws: ``TLSFailure`` when the configuration cannot be used.
    init(
        endpoint: SocketEndpoint,
        serverName: String? = nil,
        configuration: TLSConfiguration
    ) throws(TLSFailure) {
        var configuration = configuration
        if serverName == nil, endpoint.isAddress {
            // An address cannot be asked for by name; the certificate is checked against it all the same, after the rest.
            self.serverName = nil
            if configuration.certificateVerification == .fullVerification {
                configuration.certificateVerification = .noHostnameVerification
                self.address = endpoint.addressBytes
            } else {
                self.address = nil
            }
        } else {
            self.serverName = serverName ?? endpoint.host
            self.address = nil
        }
        do {
            self.context = try NIOSSLContext(configuration: configuration)
        } catch {
            throw TLSFailure(cause: error, isConfiguration: true)
        }
    }

    /// Puts TLS on a stream; on its event loop.
    ///
    /// - Returns: the stream inside, once the handshake is over.
    func secure(_ stream: OpenStream) -> EventLoopFuture<OpenStream> {
        let channel = stream.channel
        let promise = channel.eventLoop.makePromise(of: Void.self)
        let gate = HopGate()
        let inside = OpenStream(channel: channel, gate: gate)
        do {
            let operations = channel.pipeline.syncOperations
            let handler = try NIOSSLClientHandler(context: self.context, serverHostname: self.serverName)
            try operations.addHandler(handler)
            let address = self.address
            try operations.addHandler(
                TLSHandshakeHandler(promise) { address.map { Self.certificate(of: handler, isFor: $0) } ?? true }
            )
            try operations.addHandler(gate)
            stream.release()
        } catch {
            promise.fail(error is ChannelError ? error : TLSFailure(cause: error))
        }
        return promise.futureResult.map { inside }
    }

    /// Whether the peer's certificate names an address.
    private static func certificate(of handler: NIOSSLClientHandler, isFor address: [UInt8]) -> Bool {
        guard let names = handler.peerCertificate?._subjectAlternativeNames() else { return false }
        return names.contains { $0.nameType == .ipAddress && Array($0.contents) == address }
    }
}
