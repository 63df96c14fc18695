// SPDX-License-Identifier: Apache-2.0

import MTProtoTransport
import NIOCore

/// The responses of one connection, read with no library's help, so that every byte of them is looked at.
struct RawHTTP {
    struct Malformed: Error {
        let text: String
    }

    struct Response {
        let status: Int
        let reason: String
        let headers: [(name: String, value: String)]
        let body: ByteBuffer

        subscript(_ name: String) -> String? {
            self.headers.first { $0.name.lowercased() == name.lowercased() }?.value
        }

        /// What the response is to a client of payloads.
        var event: TransportEvent {
            self.status == 200
                ? .payload(self.body, quickAckRequested: false)
                : .transportError(TransportErrorCode(rawValue: Int32(self.status)))
        }
    }

    var received = ByteBuffer()

    static func request(
        _ method: String,
        _ path: String,
        headers: [String] = [],
        body: ByteBuffer? = nil
    ) -> ByteBuffer {
        var lines = ["\(method) \(path) HTTP/1.1", "Host: localhost"] + headers
        if let body { lines.append("Content-Length: \(body.readableBytes)") }
        var bytes = ByteBuffer(string: lines.joined(separator: "\r\n") + "\r\n\r\n")
        if let body { bytes.writeImmutableBuffer(body) }
        return bytes
    }

    /// The head and the headers of the next response; `nil` when they are not there yet.
    mutating func nextHead() throws -> (status: Int, reason: String, headers: [(name: String, value: String)])? {
        let view = self.received.readableBytesView
        guard let end = view.indices.first(where: { view[$0...].starts(with: Array("\r\n\r\n".utf8)) }),
            let text = self.received.readString(length: end - view.startIndex)
        else { return nil }
        self.received.moveReaderIndex(forwardBy: 4)
        let lines = text.split(separator: "\r\n", omittingEmptySubsequences: false)
        let words = lines[0].split(separator: " ", maxSplits: 2)
        guard words.count == 3, words[0] == "HTTP/1.1", let status = Int(words[1]) else { throw Malformed(text: text) }
        let headers = try lines.dropFirst().map { line in
            guard let colon = line.firstIndex(of: ":") else { throw Malformed(text: text) }
            return (String(line[..<colon]), String(line[line.index(after: colon)...].drop { $0 == " " }))
        }
        return (status, String(words[2]), headers)
    }

    mutating func nextResponse() throws -> Response? {
        let start = self.received
        guard let head = try self.nextHead() else { return nil }
        if head.status == 100 { return Response(status: 100, reason: head.reason, headers: [], body: ByteBuffer()) }
        guard let last = head.headers.last, last.name == "Content-Length", let length = Int(last.value) else {
            throw Malformed(text: "Content-Length is not the last header")
        }
        guard let body = self.received.readSlice(length: length) else {
            self.received = start
            return nil
        }
        return Response(status: head.status, reason: head.reason, headers: head.headers, body: body)
    }
}

extension ByteConnection {
    /// The next response; `nil` when the server closes before it is complete.
    mutating func response(_ http: inout RawHTTP) async throws -> RawHTTP.Response? {
        while true {
            if let response = try http.nextResponse() { return response }
            guard let bytes = await self.read() else { return nil }
            http.received.writeImmutableBuffer(bytes)
        }
    }
}
