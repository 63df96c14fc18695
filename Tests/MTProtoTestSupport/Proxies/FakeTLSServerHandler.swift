// SPDX-License-Identifier: Apache-2.0

internal import MTProtoCrypto
package import MTProtoTransport
package import NIOCore

/// An MTProxy's side of FakeTLS: under a ``FaultyRelay`` to a data centre that takes the same secret, it makes an MTProxy of it.
///
/// A client that does not know the secret gets no answer, but the connection's end.
package final class FakeTLSServerHandler: ChannelDuplexHandler {
    package typealias InboundIn = ByteBuffer
    package typealias InboundOut = ByteBuffer
    package typealias OutboundIn = ByteBuffer
    package typealias OutboundOut = ByteBuffer

    private let secret: ProxySecret
    private let helloLengths: ClosedRange<Int>
    private var hello = ByteBuffer()
    private var isOver = false
    private var decoder = FakeTLSRecordDecoder()
    private var encoder = FakeTLSRecordEncoder(role: .server)

    /// - Parameters:
    ///   - secret: the proxy's.
    ///   - helloLengths: how long a hello may be, in bytes with the record's header.
    package init(secret: ProxySecret, helloLengths: ClosedRange<Int> = 5...16_389) {
        self.secret = secret
        self.helloLengths = helloLengths
    }

    package func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        var bytes = self.unwrapInboundIn(data)
        if !self.isOver {
            self.hello.writeBuffer(&bytes)
            guard let length = self.hello.getInteger(at: self.hello.readerIndex + 3, as: UInt16.self),
                let record = self.hello.readSlice(length: 5 + Int(length))
            else { return }
            guard let flight = self.flight(answering: record) else { return context.close(promise: nil) }
            self.isOver = true
            context.writeAndFlush(self.wrapOutboundOut(flight), promise: nil)
            bytes = self.hello
            self.hello = ByteBuffer()
        }
        guard (try? self.decoder.decode(&bytes)) != nil else { return context.close(promise: nil) }
        if bytes.readableBytes > 0 { context.fireChannelRead(self.wrapInboundOut(bytes)) }
    }

    package func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
        var bytes = self.unwrapOutboundIn(data)
        self.encoder.encode(&bytes)
        context.write(self.wrapOutboundOut(bytes), promise: promise)
    }

    /// A ServerHello, ChangeCipherSpec and a record of noise, with the digest in its place.
    private func flight(answering hello: ByteBuffer) -> ByteBuffer? {
        guard self.helloLengths.contains(hello.readableBytes),
            FakeTLSDigest.unixTime(of: hello, key: self.secret.key) != nil,
            let random = FakeTLSDigest.random(in: hello)
        else { return nil }
        var flight = ByteBuffer(bytes: [0x16, 3, 3, 0, 42, 2, 0, 0, 38, 3, 3] + [UInt8](repeating: 0, count: 36))
        flight.writeBytes([0x14, 3, 3, 0, 1, 1])
        flight.writeBytes([0x17, 3, 3, 0, 64] + [UInt8](repeating: 7, count: 64))
        guard let digest = FakeTLSDigest.serverRandom(for: flight, answering: random, key: self.secret.key) else {
            return nil
        }
        flight.setBytes(digest.array, at: flight.readerIndex + FakeTLSDigest.field.lowerBound)
        return flight
    }
}
