// SPDX-License-Identifier: Apache-2.0

import MTProtoCrypto
import NIOCore
import Testing

@testable import MTProtoSession

/// Whole serialized values that were computed elsewhere.
@Suite struct TLVectorTests {
    private func expect<T: TLBoxed & Hashable>(_ value: T, _ wire: String, _ comment: Comment? = nil) throws {
        let bytes = ByteBuffer(wireHex: wire)
        #expect(value.serialized().wireHex == bytes.wireHex, comment)
        #expect(try T(bytes) == value, comment)
    }

    @Test func serviceMessages() throws {
        try self.expect(
            MessageContainer(messages: [
                ContainedMessage(
                    identifier: 0x65ab_c0fe_1234_5678,
                    sequenceNumber: 0,
                    body: Ping(pingIdentifier: 0x1122_3344_5566_7788).serialized()
                ),
                ContainedMessage(
                    identifier: 0x65ab_c0fe_1234_567c,
                    sequenceNumber: 1,
                    body: HelpGetConfig().serialized()
                ),
            ]),
            """
            dcf8f17302000000 78563412fec0ab65 00000000 0c000000 ec77be7a8877665544332211
            7c563412fec0ab65 01000000 04000000 6b18f9c4
            """
        )
        try self.expect(
            MessagesAcknowledgement(identifiers: [0x65ab_c0fe_5a5a_5a59]),
            "59b4d662 15c4b51c 01000000 595a5a5afec0ab65"
        )
        try self.expect(
            BadServerSalt(
                badIdentifier: 0x65ab_c0fe_1234_5678,
                badSequenceNumber: 0,
                code: 48,
                newSalt: 0x1122_3344_5566_7788
            ),
            "7b44abed 78563412fec0ab65 00000000 30000000 8877665544332211"
        )
        try self.expect(
            NewSessionCreated(
                firstMessageIdentifier: 0x65ab_c0fe_1234_5678,
                uniqueIdentifier: 0xa1a2_a3a4_a5a6_a7a8,
                salt: 0xfea7_26f0_ffb2_2f52
            ),
            "0809c29e78563412fec0ab65a8a7a6a5a4a3a2a1522fb2fff026a7fe"
        )
        try self.expect(
            FutureSalts(
                requestIdentifier: 0x65ab_c0fe_1234_5680,
                now: 1_705_754_878,
                salts: [
                    FutureSalt(
                        validSince: 1_705_754_878,
                        validUntil: 1_705_758_478,
                        salt: 0x0102_0304_0506_0708
                    ),
                    FutureSalt(
                        validSince: 1_705_756_678,
                        validUntil: 1_705_760_278,
                        salt: 0x1112_1314_1516_1718
                    ),
                ]
            ),
            """
            950850ae80563412fec0ab65fec0ab6502000000fec0ab650ecfab6508070605
            0403020106c8ab6516d6ab651817161514131211
            """
        )
        try self.expect(
            RPCResult(
                requestIdentifier: 0x65ab_c0fe_1234_567c,
                result: NearestDataCenter(country: "NL", thisDataCenter: 2, nearestDataCenter: 2).serialized()
            ),
            "016d5cf37c563412fec0ab6575171a8e024e4c000200000002000000"
        )
        try self.expect(
            RPCResult(
                requestIdentifier: 0x65ab_c0fe_1234_567c,
                result: RPCErrorMessage(code: 420, message: "FLOOD_WAIT_30").serialized()
            ),
            """
            016d5cf37c563412fec0ab6519ca4421a40100000d464c4f4f445f574149545f
            33300000
            """
        )
        try self.expect(
            HTTPWait(maximumDelay: 0, waitAfter: 0, maximumWait: 25_000),
            "9f359992 00000000 00000000 a8610000"
        )
    }

    @Test func apiBootstrap() throws {
        try self.expect(
            InvokeWithLayer(layer: 228, query: TLSample.initConnection.serialized()),
            """
            0d0d9bdae4000000a95ecdc10000000039300000045465737400000003312e30
            03302e3102656e000000000002656e006b18f9c4
            """
        )
    }

    @Test func dataCenterOptions() throws {
        try self.expect(
            TLSample.plainOption,
            "0da1b718 00000000 02000000 0e3134392e3135342e3136372e353100 bb010000"
        )
        var option = DataCenterOption(
            identifier: 1,
            address: "2001:b28:f23d:f001::a",
            port: 443,
            secret: Array(0..<16)
        )
        option.isIPv6 = true
        option.isObfuscatedTCPOnly = true
        try self.expect(
            option,
            """
            0da1b718 05040000 01000000 15323030313a6232383a663233643a663030313a3a610000 bb010000
            10000102030405060708090a0b0c0d0e0f000000
            """
        )
    }

    @Test func unknownSwitchesOfAnOptionAreIgnored() throws {
        let wire = ByteBuffer(wireHex: "0da1b718 40f8ff7f 02000000 0e3134392e3135342e3136372e353100 bb010000")
        #expect(try DataCenterOption(wire) == TLSample.plainOption)
    }

    @Test func keyExchange() throws {
        try self.expect(
            RequestPQMulti(nonce: TLSample.nonce),
            "f18e7ebe15a084b3b9ca2a17f03925f44b78fe68"
        )
        // The sample's payload, without the random bytes that the server puts behind the object.
        try self.expect(
            ResultPQ(
                nonce: TLSample.nonce,
                serverNonce: TLSample.serverNonce,
                product: TLSample.product,
                fingerprints: [0x0bc3_5f35_09f7_b7a5, 0xc3b4_2b02_6ce8_6b21, 0xd09d_1d85_de64_fd85]
            ),
            """
            6324160515a084b3b9ca2a17f03925f44b78fe68d6701fcd212ceb87c966e5318f5564a8081460e7d3fa7277
            9100000015c4b51c03000000a5b7f709355fc30b216be86c022bb4c385fd64de
            851d9dd0
            """
        )
    }

    @Test func innerDataOfTheSampleExchange() throws {
        try self.expect(
            TLSample.innerData(dataCenter: 2, expiresIn: nil),
            """
            955ff5a9081460e7d3fa727791000000043c2357cf0000000456bfb29f000000
            15a084b3b9ca2a17f03925f44b78fe68d6701fcd212ceb87c966e5318f5564a8
            845fad32d10a4c7967da49a89fbe508ad24aa3150992b499b3b2c72cdc0f364c
            02000000
            """
        )
        try self.expect(
            TLSample.innerData(dataCenter: nil, expiresIn: nil),
            """
            ec5ac983081460e7d3fa727791000000043c2357cf0000000456bfb29f000000
            15a084b3b9ca2a17f03925f44b78fe68d6701fcd212ceb87c966e5318f5564a8
            845fad32d10a4c7967da49a89fbe508ad24aa3150992b499b3b2c72cdc0f364c
            """
        )
        let bound = TLSample.innerData(dataCenter: 2, expiresIn: 3).serialized()
        #expect(bound.readableBytes == 104)
    }

    @Test func innerDataOfAKeyBinding() throws {
        try self.expect(
            BindAuthKeyInner(
                nonce: 0x0102_0304_0506_0708,
                temporaryKeyIdentifier: 0x1817_1615_1413_1211,
                permanentKeyIdentifier: 0x1f9b_9a96_71a2_e78a,
                temporarySessionIdentifier: 0x0706_0504_0302_0100,
                expiresAt: 1_705_841_277
            ),
            """
            65f7a375080706050403020111121314151617188ae7a271969a9b1f00010203
            040506077d12ad65
            """
        )
    }

    @Test func innerDataDescriptionHidesTheSecret() {
        let value = TLSample.innerData(dataCenter: 2, expiresIn: nil)
        #expect("\(value)" == "PQInnerData(dataCenter)")
    }
}
