// SPDX-License-Identifier: Apache-2.0

internal import MTProtoTransport
internal import NIOCore
internal import NIOHTTP1

/// Reads the response to one request at a time.
///
/// Pure: parts go in, a response comes out with the last one.
///
/// Specification: *Transports*, HTTP.
struct HTTPResponseReader: Sendable {
    /// A response with status 200.
    struct Response: Sendable, Equatable {
        /// The payload.
        var payload = ByteBuffer()
        /// Whether the connection takes another request.
        var isKeepAlive: Bool
        /// Seconds since 1970, of the header `Date`.
        var serverTime: Int64?
    }

    /// An encrypted message without a body, and a plaintext message with the smallest one.
    private static let minimumPayloadLength = 24
    /// The length of a transport error, where a server reports it with status 200.
    private static let errorLength = 4

    private let maximumPayloadLength: Int
    private var response: Response?
    private var body = ByteBuffer()

    init(maximumPayloadLength: Int) {
        self.maximumPayloadLength = maximumPayloadLength
    }

    /// Takes a part; returns the response with its end.
    ///
    /// - Throws: ``ReceivedTransportError`` or ``HTTPResponseError``; the connection is of no use any more.
    mutating func receive(_ part: HTTPClientResponsePart) throws -> Response? {
        switch part {
        case .head(let head):
            try self.receive(head)
            return nil
        case .body(let bytes):
            try self.receive(bytes)
            return nil
        case .end:
            return try self.end()
        }
    }

    private mutating func receive(_ head: HTTPResponseHead) throws {
        guard head.status == .ok else { throw Self.error(ofStatus: head.status.code) }
        // Two values that agree, or none; what they say is only believed as far as memory goes.
        if let length = head.headers.first(name: "content-length").flatMap({ Int($0) }) {
            guard length <= self.maximumPayloadLength else { throw HTTPResponseError(.oversized) }
        }
        self.response = Response(
            isKeepAlive: head.isKeepAlive && Self.hasEnd(head.headers),
            serverTime: head.headers.first(name: "date").flatMap(HTTPDate.seconds)
        )
    }

    /// Whether a body has an end of its own; without, it ends with the connection.
    private static func hasEnd(_ headers: HTTPHeaders) -> Bool {
        let encodings = headers[canonicalForm: "transfer-encoding"]
        guard let last = encodings.last else { return headers.contains(name: "content-length") }
        return last.lowercased() == "chunked"
    }

    private mutating func receive(_ bytes: ByteBuffer) throws {
        guard self.response != nil else { throw HTTPResponseError(.disorder) }
        guard self.body.readableBytes + bytes.readableBytes <= self.maximumPayloadLength else {
            throw HTTPResponseError(.oversized)
        }
        if self.body.readableBytes == 0 {
            self.body = bytes
        } else {
            self.body.writeImmutableBuffer(bytes)
        }
    }

    private mutating func end() throws -> Response {
        guard var response = self.response else { throw HTTPResponseError(.disorder) }
        let body = self.body
        self.response = nil
        self.body = ByteBuffer()
        switch body.readableBytes {
        case Self.errorLength:
            guard let value = body.getInteger(at: body.readerIndex, endianness: .little, as: Int32.self),
                let code = TransportErrorCode(wireValue: value)
            else { throw HTTPResponseError(.malformedBody) }
            throw ReceivedTransportError(code: code)
        case let length:
            guard length >= Self.minimumPayloadLength, length % 4 == 0 else {
                throw HTTPResponseError(.malformedBody)
            }
            response.payload = body
            return response
        }
    }

    /// What a status other than 200 means.
    static func error(ofStatus status: UInt) -> any Error {
        guard [403, 404, 429, 444].contains(status) else { return HTTPResponseError(.status(Int(clamping: status))) }
        return ReceivedTransportError(code: TransportErrorCode(rawValue: Int32(clamping: status)))
    }
}

/// A response that holds no payload.
struct HTTPResponseError: Error, Hashable, CustomStringConvertible {
    enum Kind: Hashable {
        /// A status that is no transport error.
        case status(Int)
        /// The body is longer than a payload may be.
        case oversized
        /// The body has a length that no payload has.
        case malformedBody
        /// The parts come in an order that no response has.
        case disorder
        /// The payload was received before, or is for another session.
        case stale
    }

    let kind: Kind

    /// Whether a server that is about to restart, or an intermediary that has none to ask at the moment, answers so; or somebody
    /// else than the server.
    var isTransient: Bool {
        switch self.kind {
        case .status(let status): Self.isMomentary(status: status)
        case .stale: true
        case .oversized, .malformedBody, .disorder: false
        }
    }

    /// Whether a status tells of something that passes; those from 520 to 529 are what proxies make of a server that they do not
    /// reach. A method or a version that is not there stays so.
    static func isMomentary(status: Int) -> Bool {
        switch status {
        case 408, 500, 502, 503, 504, 520...529: true
        default: false
        }
    }

    init(_ kind: Kind) {
        self.kind = kind
    }

    var description: String {
        switch self.kind {
        case .status(let status): "HTTP status \(status)"
        case .oversized: "the response is too long"
        case .malformedBody: "the response's length is not that of a payload"
        case .disorder: "the response is in disorder"
        case .stale: "the response is an old one"
        }
    }
}
