// SPDX-License-Identifier: Apache-2.0

import MTProtoCrypto
import MTProtoServer
import MTProtoSession
import MTProtoTransport
import NIOCore
import Testing

/// What real clients send encrypted; each test is a line of the list of observations.
@Suite(.network, .timeLimit(.minutes(10)))
struct RealClientMessageTests {
    @Test("A zlib stream in gzip_packed, inside initConnection around auth.bindTempAuthKey (TDLib)")
    func zlibInsideInitConnection() async throws {
        try await withDataCenter { dataCenter in
            let client = try await RawClient(to: dataCenter)
            let permanent = try await client.makeKey()
            var session = try await client.makeSession(.temporary(expiresIn: 86_400))
            var message = session.binding(to: permanent.authorizationKey)
            message.body = Queries.initialized(GzipPacked(packedData: Zlib.stored(message.body)).serialized())
            try await client.send(session.seal(message).payload)
            #expect(try await client.result(of: message.identifier, in: session) == ByteBuffer(tlBoolean: true))
            #expect(try await client.invoke(Queries.echo(), in: &session) == Queries.echo())
            await client.close()
        }
    }

    @Test("A gzip stream in gzip_packed")
    func gzip() async throws {
        try await withDataCenter { dataCenter in
            let client = try await RawClient(to: dataCenter)
            var session = try await client.makeSession()
            let query = Queries.echo(4_096)
            let packed = GzipPacked(packedData: Gzip.deflate(query)).serialized()
            #expect(packed.readableBytes < 300)
            #expect(try await client.invoke(packed, in: &session) == query)
            await client.close()
        }
    }

    @Test("An rpc_error is never compressed and its text matches [A-Z0-9_]+; unknown methods get one, never silence")
    func errorsArePlain() async throws {
        try await withDataCenter { dataCenter in
            let client = try await RawClient(to: dataCenter)
            var session = try await client.makeSession()
            for constructor: UInt32 in [0x1234_5678, 0xFFFF_FFFF, 0x1CB5_C415] {
                var query = ByteBuffer(integer: constructor, endianness: .little)
                query.writeRepeatingByte(0, count: 400)
                let error = try RPCErrorMessage(try await client.invoke(query, in: &session))
                #expect(error.code == 400)
                #expect(error.message == "INPUT_METHOD_INVALID")
                #expect(!error.message.isEmpty && error.message.utf8.allSatisfy(Self.isErrorText))
            }
            await client.close()
        }
    }

    private static func isErrorText(_ byte: UInt8) -> Bool {
        (0x41...0x5A).contains(byte) || (0x30...0x39).contains(byte) || byte == 0x5F
    }

    @Test("Salt 0 at first, then bad_server_salt, then the same again (Telethon, Pyrogram)", arguments: [false, true])
    func startsWithSaltZero(isContained: Bool) async throws {
        try await withDataCenter { dataCenter in
            let client = try await RawClient(to: dataCenter)
            var session = try await client.makeSession()
            let salt = session.salt
            session.salt = 0
            var message = session.message(Queries.echo())
            try await client.send(session.seal(message).payload)
            let notice = try await client.message(in: session) { body, _ in
                if case .badSalt(let notice) = body { notice } else { nil }
            }
            #expect(notice.badIdentifier == message.identifier)
            #expect(notice.badSequenceNumber == message.sequenceNumber)
            #expect(notice.code == 48)
            #expect(notice.newSalt == salt)
            session.salt = notice.newSalt
            if isContained {
                try await client.send(session.seal(container: [message]).payload)
            } else {
                // The first accepted seq_no is 3 then.
                message = session.message(Queries.echo())
                #expect(message.sequenceNumber == 3)
                try await client.send(session.seal(message).payload)
            }
            #expect(try await client.result(of: message.identifier, in: session) == Queries.echo())
            await client.close()
        }
    }

    @Test("A ping's seq_no is odd from some clients and even from others", arguments: [true, false])
    func pingParity(isOdd: Bool) async throws {
        try await withDataCenter { dataCenter in
            let client = try await RawClient(to: dataCenter)
            var session = try await client.makeSession()
            for number: Int64 in 1...3 {
                let ping = session.seal(Ping(pingIdentifier: number).serialized(), isContentRelated: isOdd)
                try await client.send(ping.payload)
                try await client.pong(number, in: session)
            }
            await client.close()
        }
    }

    @Test("First messages of Telethon and Pyrogram: ping, then invokeWithLayer(initConnection(help.getConfig))")
    func firstMessagesOfTelethon() async throws {
        try await withDataCenter { dataCenter in
            let client = try await RawClient(to: dataCenter)
            var session = try await client.makeSession()
            try await client.ping(in: &session)
            let config = try Config(try await client.invoke(Queries.initialized(Queries.getConfig), in: &session))
            #expect(config.thisDataCenter == 2)
            await client.close()
        }
    }

    @Test("First messages of TDLib: a container of wrapped calls, get_future_salts(64) and ping_delay_disconnect(138)")
    func firstMessagesOfTDLib() async throws {
        try await withDataCenter { dataCenter in
            let client = try await RawClient(to: dataCenter)
            var session = try await client.makeSession()
            let config = session.message(Queries.initialized(Queries.getConfig))
            let echo = session.message(Queries.initialized(Queries.echo()))
            let salts = session.message(GetFutureSalts(count: 64).serialized(), isContentRelated: false)
            let ping = session.message(
                PingDelayDisconnect(pingIdentifier: 5, disconnectDelay: 138).serialized(),
                isContentRelated: false
            )
            try await client.send(session.seal(container: [config, echo, salts, ping]).payload)
            _ = try Config(try await client.result(of: config.identifier, in: session))
            #expect(try await client.result(of: echo.identifier, in: session) == Queries.echo())
            try await client.pong(5, in: session)
            let future = try await client.message(in: session) { body, _ in
                if case .futureSalts(let future) = body { future } else { nil }
            }
            #expect(future.requestIdentifier == salts.identifier)
            #expect(future.salts.count == 64)
            await client.close()
        }
    }

    @Test(
        "First messages of Desktop: a container with a bare auth.bindTempAuthKey and ping_delay_disconnect(60), then calls"
    )
    func firstMessagesOfDesktop() async throws {
        try await withDataCenter { dataCenter in
            let client = try await RawClient(to: dataCenter)
            let permanent = try await client.makeKey()
            var session = try await client.makeSession(.temporary(expiresIn: 86_400))
            let binding = session.binding(to: permanent.authorizationKey)
            let ping = session.message(
                PingDelayDisconnect(pingIdentifier: 6, disconnectDelay: 60).serialized(),
                isContentRelated: false
            )
            // At once, without waiting for the verdict on the binding.
            var bytes = try client.frame(session.seal(container: [binding, ping]).payload)
            let call = session.seal(Queries.initialized(Queries.echo()))
            bytes.writeImmutableBuffer(try client.frame(call.payload))
            try await client.write(bytes)
            #expect(try await client.result(of: binding.identifier, in: session) == ByteBuffer(tlBoolean: true))
            #expect(try await client.result(of: call.identifier, in: session) == Queries.echo())
            try await client.pong(6, in: session)
            await client.close()
        }
    }

    @Test(
        "The layer decides the constructor of config; it holds for later calls without wrapper",
        arguments: [(152, 0x2325_66AC), (158, 0xCC1A_241E), (228, 0xCC1A_241E), (229, 0xCC1A_241E), (232, 0xCC1A_241E)]
            as [(Int32, UInt32)]
    )
    func layers(layer: Int32, constructor: UInt32) async throws {
        try await withDataCenter { dataCenter in
            let client = try await RawClient(to: dataCenter)
            var session = try await client.makeSession()
            for query in [Queries.initialized(Queries.getConfig, layer: layer), Queries.getConfig] {
                let result = try await client.invoke(query, in: &session)
                #expect(result.getInteger(at: result.readerIndex, endianness: .little, as: UInt32.self) == constructor)
                #expect(try Config(result).thisDataCenter == 2)
            }
            await client.close()
        }
    }

    @Test("this_dc is the data centre that the client believes it is in", arguments: [1, 2, 5, 7, 203] as [Int16])
    func thisDataCenter(number: Int16) async throws {
        try await withDataCenter { dataCenter in
            let client = try await RawClient(to: dataCenter)
            for believed in [DataCenterIdentifier(number), .init(number, isTest: true), .init(number, isMedia: true)] {
                var session = RawSession(try await client.makeKey(dataCenter: believed))
                let config = try Config(try await client.invoke(Queries.getConfig, in: &session))
                #expect(config.thisDataCenter == Int32(number))
                #expect(config.isTest == believed.isTest)
                let options = config.options.filter { $0.identifier == Int32(number) }
                #expect(options.map(\.port) == [Int32(dataCenter.addresses[0].port ?? 0)])
                let nearest = try NearestDataCenter(
                    try await client.invoke(HelpGetNearestDataCenter().serialized(), in: &session)
                )
                #expect(nearest.thisDataCenter == Int32(number))
            }
            await client.close()
        }
    }

    @Test("auth.dropTempAuthKeys is answered true (TDLib repeats it every 100 ms otherwise)")
    func dropTemporaryKeys() async throws {
        try await withDataCenter { dataCenter in
            let client = try await RawClient(to: dataCenter)
            var session = try await client.makeSession()
            var query = ByteBuffer(integer: UInt32(0x8E48_A188), endianness: .little)
            query.writeInteger(UInt32(0x1CB5_C415), endianness: .little)
            query.writeInteger(UInt32(0))
            #expect(try await client.invoke(query, in: &session) == ByteBuffer(tlBoolean: true))
            await client.close()
        }
    }
}

/// A zlib stream without compression, as short as RFC 1950 allows.
enum Zlib {
    static func stored(_ data: ByteBuffer) -> ByteBuffer {
        var stream = ByteBuffer(bytes: [0x78, 0x9C, 0x01])
        stream.writeInteger(UInt16(data.readableBytes), endianness: .little)
        stream.writeInteger(~UInt16(data.readableBytes), endianness: .little)
        stream.writeImmutableBuffer(data)
        var (low, high): (UInt32, UInt32) = (1, 0)
        for byte in data.readableBytesView {
            low = (low + UInt32(byte)) % 65_521
            high = (high + low) % 65_521
        }
        stream.writeInteger(high << 16 | low)
        return stream
    }
}
