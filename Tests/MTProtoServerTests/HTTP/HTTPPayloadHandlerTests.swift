// SPDX-License-Identifier: Apache-2.0

import MTProtoSession
import MTProtoTransport
import NIOCore
import NIOEmbedded
import NIOHTTP1
import Testing

@testable import MTProtoServer

/// What the handler of requests keeps.
struct HTTPPayloadHandlerTests {
    @Test("Once what waits is discarded, the handler keeps nothing of a body: others may take its bytes")
    func discarded() throws {
        let handler = HTTPPayloadHandler(
            limits: .init(beforeAuthorization: 1_024, payload: 4_096),
            clock: .system,
            watch: HTTPReadWatch()
        )
        let channel = EmbeddedChannel(handler: handler)
        let body = ByteBuffer(repeating: 7, count: 500)
        let head = HTTPRequestHead(
            version: .http1_1,
            method: .POST,
            uri: "/api",
            headers: ["Content-Length": "1000"]
        )
        try channel.writeInbound(HTTPServerRequestPart.head(head))
        try channel.writeInbound(HTTPServerRequestPart.body(body))
        #expect(handler.bufferedByteCount == 500)
        handler.discard()
        #expect(handler.bufferedByteCount == 0)
        try channel.writeInbound(HTTPServerRequestPart.body(body))
        #expect(handler.bufferedByteCount == 0)
        _ = try channel.finish(acceptAlreadyClosed: true)
    }
}
