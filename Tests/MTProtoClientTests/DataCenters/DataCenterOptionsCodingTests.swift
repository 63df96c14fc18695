// SPDX-License-Identifier: Apache-2.0

import Foundation
import MTProtoClient
import MTProtoSession
import MTProtoTransport
import Testing

@Suite struct DataCenterOptionsCodingTests {
    @Test("Options come back as they were saved")
    func roundTrip() throws {
        var options = DataCenterOptions.builtIn
        var option = DataCenterOption(identifier: 5, address: "2001:db8::1", port: 5222, secret: Array(0..<16))
        option.isMediaOnly = true
        option.isThisPortOnly = true
        option.isStatic = true
        option.isCDN = true
        option.isObfuscatedTCPOnly = true
        options.update([option], isTest: true)
        let saved = try JSONEncoder().encode(options)
        #expect(try JSONDecoder().decode(DataCenterOptions.self, from: saved) == options)
    }

    @Test(
        "What is no address is refused",
        arguments: [
            #"{"number":2,"address":"example.com","port":443}"#, #"{"number":0,"address":"192.0.2.1","port":443}"#,
            #"{"number":2,"address":"192.0.2.1","port":0}"#, #"{"number":2,"address":"192.0.2.1","port":65536}"#,
            #"{"number":2,"address":"192.0.2.1","port":443,"secret":[1]}"#, #"{"number":2,"port":443}"#,
            #"{"number":2,"address":"192.0.2.1\u0000","port":443}"#,
        ]
    )
    func refused(text: String) {
        #expect(throws: DecodingError.self) {
            try JSONDecoder().decode(DataCenterAddress.self, from: Data(text.utf8))
        }
    }

    @Test("Of a saved list what cannot be read is left out, and what is too much")
    func foreign() throws {
        let good = #"{"number":2,"address":"192.0.2.1","port":443}"#
        let bad = #"{"number":2,"address":"example.com","port":443}"#
        func options(_ list: [String]) throws -> DataCenterOptions {
            let list = list.joined(separator: ",")
            let text = #"{"forcesIPv6":false,"isTelegram":true,"test":{"addresses":[]},"production":{"addresses":["#
            return try JSONDecoder().decode(DataCenterOptions.self, from: Data((text + list + "]}}").utf8))
        }
        #expect(try options([bad, good, "7", bad]).production.addresses.count == 1)
        let many = try options(Array(repeating: good, count: 2_000))
        #expect(many.production.addresses.count == DataCenterOptions.maximumAddressCount)
    }

    @Test("The secret of an address is not shown")
    func secrecy() throws {
        let option = DataCenterOption(
            identifier: 2,
            address: "192.0.2.1",
            port: 443,
            secret: Array(repeating: 0x5a, count: 16)
        )
        let address = try #require(DataCenterAddress(option))
        #expect(!"\(address)".contains("5a5a"))
        #expect(!"\(address)".contains("90, 90"))
    }
}
