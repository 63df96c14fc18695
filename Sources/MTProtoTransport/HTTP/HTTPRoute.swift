// SPDX-License-Identifier: Apache-2.0

internal import NIOHTTP1

/// What a request's head asks for. Pure.
///
/// Specification: *Transports*, HTTP and WebSocket; the statuses are HTTP's own where HTTP is at fault.
enum HTTPRoute: Sendable {
    /// What is known of a payload before it arrives.
    struct Payload: Sendable {
        let path: EndpointPath
        /// The bytes announced; `nil` for a chunked body.
        let length: Int?
        let expectsContinue: Bool
    }

    /// A payload follows in the body.
    case payload(Payload)
    /// A WebSocket, when the head is complete.
    case webSocket(EndpointPath)
    /// The question of a browser whether it may send a payload.
    case preflight
    /// Nothing that this server does.
    case refusal(HTTPAnswer)

    private static let maximumTargetLength = 1_024

    init(_ head: HTTPRequestHead, maximumPayloadLength: Int) {
        guard head.uri.utf8.count <= Self.maximumTargetLength else {
            self = .refusal(HTTPAnswer(status: .uriTooLong))
            return
        }
        guard let path = Self.path(of: head.uri).flatMap({ EndpointPath($0) }) else {
            self = .refusal(HTTPAnswer(status: .notFound))
            return
        }
        switch head.method {
        case .POST where !path.isWebSocket:
            self = Self.payload(head, path, maximumPayloadLength: maximumPayloadLength)
        case .GET where path.isWebSocket:
            self = Self.webSocket(head, path)
        case .OPTIONS where path.isCrossOrigin && !path.isWebSocket:
            self = head.hasBody ? .refusal(HTTPAnswer(status: .badRequest, isCrossOrigin: true)) : .preflight
        default:
            let allowed = path.isWebSocket ? "GET" : path.isCrossOrigin ? "POST, OPTIONS" : "POST"
            self = .refusal(
                HTTPAnswer(
                    status: .methodNotAllowed,
                    isCrossOrigin: path.isCrossOrigin,
                    extraHeaders: [("Allow", allowed)]
                )
            )
        }
    }

    /// The path of a target in origin form or, as proxies write it, in absolute form; without the query.
    static func path(of target: String) -> Substring? {
        var rest = target[...]
        if !rest.hasPrefix("/") {
            guard let scheme = ["http://", "https://"].first(where: { rest.lowercased().hasPrefix($0) }),
                let slash = rest.dropFirst(scheme.count).firstIndex(of: "/")
            else { return nil }
            rest = rest[slash...]
        }
        return rest.prefix { $0 != "?" }
    }

    private static func payload(
        _ head: HTTPRequestHead,
        _ path: EndpointPath,
        maximumPayloadLength: Int
    ) -> HTTPRoute {
        func refusal(_ status: HTTPResponseStatus) -> HTTPRoute {
            .refusal(HTTPAnswer(status: status, isCrossOrigin: path.isCrossOrigin))
        }
        let codings = head.headers[canonicalForm: "content-encoding"]
        guard codings.allSatisfy({ $0.lowercased() == "identity" }) else { return refusal(.unsupportedMediaType) }
        let expectations = head.version == .http1_0 ? [] : head.headers[canonicalForm: "expect"]
        guard expectations.allSatisfy({ $0.lowercased() == "100-continue" }) else {
            return refusal(.expectationFailed)
        }
        let expectsContinue = !expectations.isEmpty
        if head.headers.contains(name: "transfer-encoding") {
            // RFC 9112, section 6.1: what an older intermediary takes for the body is not known.
            guard head.version != .http1_0 else { return refusal(.badRequest) }
            let encodings = head.headers[canonicalForm: "transfer-encoding"]
            guard encodings.count == 1, encodings.first?.lowercased() == "chunked" else {
                return refusal(.notImplemented)
            }
            return .payload(Payload(path: path, length: nil, expectsContinue: expectsContinue))
        }
        guard let text = head.headers.first(name: "content-length") else { return refusal(.lengthRequired) }
        // The decoder has seen that it is a number; it may still be larger than an Int.
        guard let length = Int(text.trimmingSpaces), length <= maximumPayloadLength else {
            return refusal(.payloadTooLarge)
        }
        guard length > 0, length.isMultiple(of: 4) else { return refusal(.badRequest) }
        return .payload(Payload(path: path, length: length, expectsContinue: expectsContinue))
    }

    private static func webSocket(_ head: HTTPRequestHead, _ path: EndpointPath) -> HTTPRoute {
        let headers = head.headers
        let bad = HTTPRoute.refusal(HTTPAnswer(status: .badRequest, isCrossOrigin: path.isCrossOrigin))
        guard head.version != .http1_0, !head.hasBody, head.asksForUpgrade,
            headers[canonicalForm: "upgrade"].contains(where: { $0.lowercased() == "websocket" })
        else { return bad }
        guard headers["sec-websocket-version"] == ["13"] else {
            return .refusal(
                HTTPAnswer(
                    status: .upgradeRequired,
                    isCrossOrigin: path.isCrossOrigin,
                    extraHeaders: [("Sec-WebSocket-Version", "13")]
                )
            )
        }
        let keys = headers["sec-websocket-key"]
        guard keys.count == 1, let key = keys.first, Self.isWebSocketKey(key),
            headers[canonicalForm: "sec-websocket-protocol"].contains("binary")
        else { return bad }
        return .webSocket(path)
    }

    /// Whether a text is the base64 of 16 bytes.
    private static func isWebSocketKey(_ text: String) -> Bool {
        text.utf8.count == 24 && text.hasSuffix("==")
            && text.utf8.dropLast(2).allSatisfy { byte in
                switch byte {
                case UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "a")...UInt8(ascii: "z"),
                    UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "+"), UInt8(ascii: "/"):
                    true
                default: false
                }
            }
    }
}

extension HTTPRequestHead {
    /// Whether bytes of a body follow.
    var hasBody: Bool {
        if self.headers.contains(name: "transfer-encoding") { return true }
        guard let length = self.headers.first(name: "content-length") else { return false }
        return Int(length.trimmingSpaces) != 0
    }

    /// Whether the request wants another protocol: NIO's decoder stops behind it.
    var asksForUpgrade: Bool {
        self.method == .CONNECT
            || self.headers.contains(name: "upgrade")
                && self.headers[canonicalForm: "connection"].contains { $0.lowercased() == "upgrade" }
    }
}

extension String {
    fileprivate var trimmingSpaces: Substring {
        let start = self.drop { $0 == " " || $0 == "\t" }
        guard let end = start.lastIndex(where: { $0 != " " && $0 != "\t" }) else { return "" }
        return start[...end]
    }
}
