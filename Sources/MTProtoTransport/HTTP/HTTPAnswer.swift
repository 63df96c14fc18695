// SPDX-License-Identifier: Apache-2.0

public import NIOCore
public import NIOHTTP1

/// A response: what of it depends on the request and on the answer.
///
/// Specification: *Transports*, HTTP.
public struct HTTPAnswer: Sendable {
    /// The status: 200, a transport error's code, or HTTP's own where HTTP is at fault.
    public var status: HTTPResponseStatus
    /// The payload, or nothing.
    public var body = ByteBuffer()
    /// `application/octet-stream` if true, else `text/plain`.
    public var isPayload = false
    /// Whether a browser's page of another origin may read it.
    public var isCrossOrigin = false
    /// Whether the connection ends with it.
    public var closes = true
    /// Headers of a status.
    public var extraHeaders: [(String, String)] = []

    /// The headers, `Content-Length` last: some hand-written readers of clients expect it there.
    ///
    /// - Parameter date: the value of `Date`, in HTTP's form.
    public func headers(date: String) -> HTTPHeaders {
        var headers = HTTPHeaders()
        headers.reserveCapacity(12)
        headers.add(name: "Connection", value: self.closes ? "close" : "keep-alive")
        headers.add(name: "Date", value: date)
        headers.add(name: "Content-Type", value: self.isPayload ? "application/octet-stream" : "text/plain")
        headers.add(name: "Pragma", value: "no-cache")
        headers.add(name: "Cache-Control", value: "no-store")
        if self.isCrossOrigin {
            headers.add(name: "Access-Control-Allow-Origin", value: "*")
            headers.add(name: "Access-Control-Allow-Methods", value: "POST, OPTIONS")
            headers.add(name: "Access-Control-Allow-Headers", value: "origin, content-type")
            headers.add(name: "Access-Control-Max-Age", value: "1728000")
        }
        for (name, value) in self.extraHeaders { headers.add(name: name, value: value) }
        headers.add(name: "Content-Length", value: "\(self.body.readableBytes)")
        return headers
    }
}

extension HTTPResponseStatus {
    /// The status of a transport error: its code, as long as that is one of an HTTP error.
    init(_ code: TransportErrorCode) {
        switch code {
        case .forbidden: self = .forbidden
        case .notFound: self = .notFound
        case .flood: self = .tooManyRequests
        case .invalidDataCenter: self = .custom(code: 444, reasonPhrase: "Invalid DC")
        default:
            self =
                400...599 ~= code.rawValue
                ? HTTPResponseStatus(statusCode: Int(code.rawValue)) : .internalServerError
        }
    }
}
