// SPDX-License-Identifier: Apache-2.0

import MTProtoTransport
import NIOCore
import NIOHTTP1
import Testing

@testable import MTProtoClient

/// The pure parts of HTTP.
@Suite struct HTTPResponseReaderTests {
    private static func read(
        _ status: UInt = 200,
        _ headers: HTTPHeaders = [:],
        _ parts: [[UInt8]],
        limit: Int = 64
    ) throws -> HTTPResponseReader.Response? {
        var reader = HTTPResponseReader(maximumPayloadLength: limit)
        let head = HTTPResponseHead(
            version: .http1_1,
            status: HTTPResponseStatus(statusCode: Int(status)),
            headers: headers
        )
        #expect(try reader.receive(.head(head)) == nil)
        for part in parts { #expect(try reader.receive(.body(ByteBuffer(bytes: part))) == nil) }
        return try reader.receive(.end(nil))
    }

    @Test("A payload in one part or several")
    func payload() throws {
        let bytes = [UInt8](0..<40)
        for size in [1, 7, 24, 40] {
            let parts = stride(from: 0, to: 40, by: size).map { Array(bytes[$0..<min($0 + size, 40)]) }
            let response = try Self.read(
                200,
                ["Date": "Sun, 06 Nov 1994 08:49:37 GMT", "Content-Length": "40"],
                parts
            )
            #expect(response?.payload == ByteBuffer(bytes: bytes))
            #expect(response?.isKeepAlive == true)
            #expect(response?.serverTime == 784_111_777)
        }
    }

    @Test(
        "Whether the connection stays",
        arguments: [
            (["Content-Length": "40"], true), (["Transfer-Encoding": "chunked"], true),
            (["Content-Length": "40", "Connection": "close"], false), ([:], false),
            (["Transfer-Encoding": "gzip"], false),
        ] as [([String: String], Bool)]
    )
    func keepAlive(headers: [String: String], isKeepAlive: Bool) throws {
        let response = try Self.read(200, HTTPHeaders(Array(headers)), [[UInt8](repeating: 1, count: 40)])
        #expect(response?.isKeepAlive == isKeepAlive)
        #expect(response?.serverTime == nil)
    }

    @Test("Lengths that no payload has", arguments: [0, 1, 3, 5, 8, 20, 23, 25, 26])
    func lengths(length: Int) {
        #expect(throws: HTTPResponseError(.malformedBody)) {
            try Self.read(200, [:], [[UInt8](repeating: 0, count: length)])
        }
    }

    @Test("Longer than allowed, announced or not")
    func oversized() throws {
        #expect(throws: HTTPResponseError(.oversized)) { try Self.read(200, ["Content-Length": "68"], []) }
        #expect(throws: HTTPResponseError(.oversized)) {
            try Self.read(200, [:], [[UInt8](repeating: 0, count: 64), [0]])
        }
        #expect(try Self.read(200, [:], [[UInt8](repeating: 0, count: 64)])?.payload.readableBytes == 64)
    }

    @Test("A transport error with status 200")
    func packet() {
        let error = #expect(throws: ReceivedTransportError.self) {
            try Self.read(200, [:], [[0x6C, 0xFE, 0xFF, 0xFF]])
        }
        #expect(error?.code == .notFound)
        #expect(throws: HTTPResponseError(.malformedBody)) { try Self.read(200, [:], [[1, 0, 0, 0]]) }
        #expect(throws: HTTPResponseError(.malformedBody)) { try Self.read(200, [:], [[0, 0, 0, 0x80]]) }
    }

    @Test("Statuses", arguments: [201, 301, 400, 403, 404, 405, 413, 429, 444, 500, 502] as [UInt])
    func statuses(status: UInt) {
        if [403, 404, 429, 444].contains(status) {
            let error = #expect(throws: ReceivedTransportError.self) { try Self.read(status, [:], []) }
            #expect(error?.code.rawValue == Int32(status))
        } else {
            #expect(throws: HTTPResponseError(.status(Int(status)))) { try Self.read(status, [:], []) }
        }
    }

    @Test(
        "Dates",
        arguments: [
            ("Sun, 06 Nov 1994 08:49:37 GMT", 784_111_777), ("Thu, 01 Jan 1970 00:00:00 GMT", 0),
            ("Thu, 29 Feb 2024 23:59:59 GMT", 1_709_251_199), ("Fri, 01 Mar 2024 00:00:00 GMT", 1_709_251_200),
            ("Fri, 31 Dec 9999 23:59:60 GMT", 253_402_300_800), ("Mon, 01 Mar 2100 00:00:00 GMT", 4_107_542_400),
            ("Sunday, 06-Nov-94 08:49:37 GMT", nil), ("Sun Nov  6 08:49:37 1994", nil), ("", nil),
            ("Sun, 06 Nov 1994 08:49:37 UTC", nil), ("Sun, 06 Nov 1994 24:00:00 GMT", nil),
            ("Sun, 00 Nov 1994 08:49:37 GMT", nil), ("Sun, 06 nov 1994 08:49:37 GMT", nil),
            ("Sun, +6 Nov 1994 08:49:37 GMT", nil), ("Sun, 06 Nov 1969 08:49:37 GMT", nil),
            ("Sun, 06 Nov 1994 08:49:3\u{0663} GM", nil),
        ] as [(String, Int64?)]
    )
    func dates(text: String, seconds: Int64?) {
        #expect(HTTPDate.seconds(text) == seconds)
    }
}
