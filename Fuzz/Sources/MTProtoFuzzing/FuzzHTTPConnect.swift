// SPDX-License-Identifier: Apache-2.0
import MTProtoTransport
import NIOCore
import NIOEmbedded

/// The answer of an HTTP proxy: as bytes of the input, or as a good answer with the input behind it.
///
/// How the bytes are divided changes nothing, and none that is behind an agreement is lost.
func fuzzHTTPConnect(_ input: inout FuzzInput) {
    let control = input.byte()
    var pieces: [[UInt8]] = []
    var glued: [UInt8]?
    if control & 1 == 0 {
        while !input.isAtEnd { pieces.append(input.chunk()) }
    } else {
        let length = 1 + Int(input.byte())
        let rest = input.rest()
        let bytes = answer(shape: control >> 1) + rest
        pieces = stride(from: 0, to: bytes.count, by: length)
            .map { Array(bytes[$0..<min($0 + length, bytes.count)]) }
        glued = rest
    }
    let outcome = ask(pieces)
    let whole = ask([Array(pieces.joined())])
    precondition(outcome == whole, "division matters: \(outcome), \(whole)")
    if let glued { precondition(outcome == .agreed(glued), "bytes of the next layer are lost: \(outcome)") }
}

/// How asking ended.
private enum Outcome: Equatable {
    case open
    /// With the bytes that the next layer got.
    case agreed([UInt8])
    case failed(HTTPConnectError)
}

/// Agreements as proxies write them.
private func answer(shape: UInt8) -> [UInt8] {
    var text = shape & 1 == 0 ? "" : "HTTP/1.1 102 Processing\r\n\r\n"
    text += shape & 2 == 0 ? "HTTP/1.1 200 Connection established\r\n" : "HTTP/1.0 299 \r\n"
    if shape & 4 != 0 { text += "Proxy-Agent: a/1.0 (b)\r\n" }
    // These have no meaning in an agreement; both at once NIO's decoder does not take.
    if shape & 8 != 0 {
        text += shape & 16 == 0 ? "Content-Length: 5\r\n" : "Transfer-Encoding: chunked\r\n"
    }
    return Array((text + "\r\n").utf8)
}

private func ask(_ pieces: [[UInt8]]) -> Outcome {
    let channel = EmbeddedChannel()
    defer { _ = try? channel.finish(acceptAlreadyClosed: true) }
    let promise = channel.eventLoop.makePromise(of: Void.self)
    let result = NIOLoopBoundBox(Outcome.open, eventLoop: channel.eventLoop)
    let collector = Collector()
    guard let address = try? SocketAddress(ipAddress: "127.0.0.1", port: 1),
        let destination = try? SocketEndpoint(host: "::1", port: 443),
        (try? HTTPConnectHandler.add(to: channel, destination: destination, promise: promise)) != nil,
        (try? channel.pipeline.syncOperations.addHandler(collector)) != nil
    else { preconditionFailure("the fuzz target is wrong") }
    promise.futureResult.whenComplete {
        switch $0 {
        case .success: result.value = .agreed([])
        case .failure(let error as HTTPConnectError): result.value = .failed(error)
        case .failure(let error): preconditionFailure("an error without a type: \(error)")
        }
    }
    channel.connect(to: address, promise: nil)
    precondition((try? channel.readOutbound(as: ByteBuffer.self))??.readableBytes ?? 0 > 0, "nothing is asked")
    for piece in pieces {
        channel.pipeline.fireChannelRead(ByteBuffer.shifted(piece))
        channel.pipeline.fireChannelReadComplete()
        channel.embeddedEventLoop.run()
        precondition(collector.bytes.isEmpty || result.value == .agreed([]), "bytes pass before the agreement")
    }
    // Behind this, the end of the channel decides what is still open.
    return result.value == .agreed([]) ? .agreed(collector.bytes) : result.value
}

/// What reaches the next layer.
private final class Collector: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer

    private(set) var bytes: [UInt8] = []

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        self.bytes += self.unwrapInboundIn(data).readableBytesView
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {}
}
