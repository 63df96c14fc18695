// SPDX-License-Identifier: Apache-2.0

import MTProtoCrypto
import NIOCore
import Testing

@testable import MTProtoSession

/// What clients in use send, and a server by the official pages alone may refuse.
@Suite("Server session: clients in use")
struct ServerSessionRealClientTests {
    /// `zlib.compress(struct.pack("<I", 0x1fb33026) + bytes(400))` of Python.
    private static let zlibQuery: [UInt8] = [
        0x78, 0x9C, 0x53, 0x33, 0xD8, 0x2C, 0xCF, 0x30, 0x0A, 0x06, 0x15, 0x00, 0x00, 0xD2, 0xD0, 0x01, 0x29,
    ]

    private func wrapped() -> InvokeWithLayer {
        InvokeWithLayer(
            layer: 228,
            query: InitConnection(
                apiIdentifier: 1,
                deviceModel: "Test",
                systemVersion: "1",
                applicationVersion: "1",
                systemLanguageCode: "en",
                languagePack: "",
                languageCode: "en",
                query: HelpGetConfig().serialized()
            ).serialized()
        )
    }

    @Test("Telethon and Pyrogram: salt 0, bad_server_salt, the same again; the first accepted number is 3")
    func saltZero() throws {
        var harness = ServerSessionHarness()
        let refused = harness.send(self.wrapped(), isContentRelated: true, sequenceNumber: 1, salt: 0)
        #expect(refused.actions.queries.isEmpty)
        let salt = try #require(try harness.output().badSalts.first).newSalt
        let sent = harness.send(self.wrapped(), isContentRelated: true, sequenceNumber: 3, salt: salt)
        #expect(sent.actions.queries.count == 1)
        harness.respond(to: sent.identifier)
        let outputs = try harness.output()
        #expect(outputs.newSessions.map(\.firstMessageIdentifier) == [sent.identifier])
        #expect(outputs.results.map(\.requestIdentifier) == [sent.identifier])
    }

    @Test(
        "Telethon and Pyrogram: a ping first, odd or even, then the wrapped help.getConfig",
        arguments: [true, false]
    )
    func pingFirst(isOdd: Bool) throws {
        var harness = ServerSessionHarness()
        let ping = harness.send(Ping(pingIdentifier: 0), isContentRelated: isOdd)
        let query = harness.send(self.wrapped(), isContentRelated: true)
        #expect(query.actions.queries.count == 1)
        let outputs = try harness.output()
        #expect(outputs.pongs.map(\.messageIdentifier) == [ping.identifier])
        #expect(outputs.badMessages.isEmpty)
    }

    @Test("TDLib: a container of wrapped calls, get_future_salts(64) and ping_delay_disconnect(138)")
    func tdlib() throws {
        var harness = ServerSessionHarness()
        let calls = (0..<2).map { _ in harness.contained(self.wrapped(), isContentRelated: true) }
        let salts = harness.contained(GetFutureSalts(count: 64), isContentRelated: false)
        let ping = harness.contained(
            PingDelayDisconnect(pingIdentifier: 8, disconnectDelay: 138),
            isContentRelated: false
        )
        let sent = harness.send(MessageContainer(messages: calls + [salts, ping]), isContentRelated: false)
        #expect(sent.actions.queries.map(\.messageIdentifier) == calls.map(\.identifier))
        guard case .disconnectAfter(seconds: 138)? = sent.actions.last else {
            Issue.record("no disconnectAfter")
            return
        }
        let outputs = try harness.output()
        #expect(outputs.newSessions.map(\.firstMessageIdentifier) == [calls[0].identifier])
        #expect(outputs.pongs.count == 1)
        #expect(outputs.count == 3)
        #expect(Set(outputs.map(\.payload)).count == 1)
    }

    @Test("TDLib: gzip_packed with a zlib stream")
    func zlib() throws {
        var harness = try ServerSessionHarness.established()
        let packed = GzipPacked(packedData: ByteBuffer(bytes: Self.zlibQuery))
        let query = try #require(harness.send(packed, isContentRelated: true).actions.queries.first)
        #expect(query.body.tlConstructor == HelpGetNearestDataCenter.constructor)
        #expect(query.body.readableBytes == 404)
    }

    @Test("Desktop: a container with a bare auth.bindTempAuthKey and ping_delay_disconnect(60), then wrapped calls")
    func desktop() throws {
        var harness = ServerSessionHarness()
        let bind = harness.contained(
            BindTemporaryAuthKey(
                permanentKeyIdentifier: 1,
                nonce: 2,
                expiresAt: 3,
                encryptedMessage: [UInt8](repeating: 0, count: 104)
            ),
            isContentRelated: true
        )
        let ping = harness.contained(
            PingDelayDisconnect(pingIdentifier: 8, disconnectDelay: 60),
            isContentRelated: false
        )
        let sent = harness.send(MessageContainer(messages: [bind, ping]), isContentRelated: false)
        #expect(sent.actions.queries.map(\.messageIdentifier) == [bind.identifier])
        #expect(harness.send(self.wrapped(), isContentRelated: true).actions.queries.count == 1)
        #expect(try harness.output().badMessages.isEmpty)
    }

    @Test("Unknown methods reach the responder: never silence")
    func unknownMethod() throws {
        var harness = try ServerSessionHarness.established()
        let sent = harness.send(body: ByteBuffer(bytes: [0xEF, 0xBE, 0xAD, 0xDE]), isContentRelated: true)
        let query = try #require(sent.actions.queries.first)
        harness.session.respond(
            to: query.messageIdentifier,
            error: RPCErrorMessage(code: 400, message: "INPUT_METHOD_INVALID"),
            at: harness.clock.now
        )
        #expect(try harness.output().results.count == 1)
    }

    @Test("Telethon: msg_detailed_info is answered with an acknowledgement, which drops the answer")
    func detailedInfoAcknowledged() throws {
        var harness = try ServerSessionHarness.established()
        let query = harness.sendQuery()
        harness.respond(to: query.identifier, byteCount: 60_000)
        _ = try harness.output()
        harness.session.connectionOpened(at: harness.clock.now)
        let info = try #require(try harness.output().detailedInfos.first)
        harness.send(MessagesAcknowledgement(identifiers: [info.answerIdentifier]), isContentRelated: false)
        #expect(harness.session.queuedMessageCount == 0)
    }

    @Test("A clock that is wrong by an hour is told so with an identifier in the server's time")
    func wrongClock() throws {
        var harness = try ServerSessionHarness.established()
        let identifier = UInt64(harness.clock.now.wallSeconds - 3600) << 32 | 4
        harness.send(HelpGetConfig(), isContentRelated: true, identifier: identifier)
        let notice = try #require(try harness.output().first)
        #expect(MessageIdentifierGenerator.seconds(of: notice.identifier) == harness.clock.now.wallSeconds)
    }
}
