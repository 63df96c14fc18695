// SPDX-License-Identifier: Apache-2.0

public import MTProtoTransport

/// What carries payloads, and in which framing.
///
/// Every transport carries the same sessions: acknowledgements, containers, salts and repeated queries work alike. TCP needs
/// the fewest bytes; WebSockets and HTTP get through firewalls that let nothing else pass, and HTTP where a proxy breaks
/// WebSockets, too.
///
/// Specification: *Transports*; *MTProto transports*.
public struct ClientTransport: Sendable, Hashable, CustomStringConvertible {
    /// The carrier.
    public let carrier: Endpoint.Scheme
    /// The framing of the stream; `nil` over HTTP, where each body is one payload, and in a transport of your own.
    public let framing: Framing?
    /// Whether AES-256-CTR goes around the stream. Always so in WebSockets, never over HTTP.
    public let isObfuscated: Bool
    /// What there is instead of a framing, if it is none of the known ones.
    let custom: CustomTransport?

    init(carrier: Endpoint.Scheme, framing: Framing?, isObfuscated: Bool, custom: CustomTransport? = nil) {
        self.carrier = carrier
        self.framing = framing
        self.isObfuscated = isObfuscated
        self.custom = custom
    }

    /// TCP.
    ///
    /// - Parameters:
    ///   - framing: the framing. `Framing.full` cannot be obfuscated; connecting fails with
    ///     ``MTProtoClientError/Code/invalidConfiguration`` then.
    ///   - obfuscated: whether AES-256-CTR goes around the stream.
    public static func tcp(_ framing: Framing = .intermediate, obfuscated: Bool = false) -> ClientTransport {
        ClientTransport(carrier: .tcp, framing: framing, isObfuscated: obfuscated)
    }

    /// A WebSocket, always obfuscated.
    ///
    /// - Parameters:
    ///   - framing: the framing. `Framing.full` cannot be obfuscated; connecting fails with
    ///     ``MTProtoClientError/Code/invalidConfiguration`` then.
    ///   - tls: whether TLS goes around it. Telegram's servers are reached by address without it, by name with it.
    public static func webSocket(_ framing: Framing = .intermediate, tls: Bool = true) -> ClientTransport {
        ClientTransport(carrier: tls ? .wss : .ws, framing: framing, isObfuscated: true)
    }

    /// HTTP: requests for queries, and a long poll for what the server has to say.
    public static let http = ClientTransport(carrier: .http, framing: nil, isObfuscated: false)

    /// HTTP over TLS.
    public static let https = ClientTransport(carrier: .https, framing: nil, isObfuscated: false)

    /// A transport of your own, over TCP; at a URI of a WebSocket, within that.
    public static func custom(_ transport: any Transport) -> ClientTransport {
        ClientTransport(
            carrier: .tcp,
            framing: nil,
            isObfuscated: false,
            custom: CustomTransport(transport: transport)
        )
    }

    /// Every transport that exists: TCP in each framing, plain and, where it can be, obfuscated; WebSockets in each framing
    /// that can be obfuscated, without TLS and with it; HTTP and HTTPS.
    public static var all: [ClientTransport] {
        let obfuscatable = Framing.allCases.filter(\.isObfuscatable)
        return Framing.allCases.map { .tcp($0) } + obfuscatable.map { .tcp($0, obfuscated: true) }
            + obfuscatable.map { .webSocket($0, tls: false) } + obfuscatable.map { .webSocket($0, tls: true) }
            + [.http, .https]
    }

    /// For example `tcp, intermediate, obfuscated`; or `https`.
    public var description: String {
        if let custom = self.custom { return "\(self.carrier.rawValue), \(custom.transport.name)" }
        guard let framing = self.framing else { return self.carrier.rawValue }
        return "\(self.carrier.rawValue), \(framing.rawValue), \(self.isObfuscated ? "obfuscated" : "plain")"
    }

    /// Whether payloads go over one stream of bytes, and not in requests of HTTP.
    var isStream: Bool { self.carrier != .http && self.carrier != .https }

    /// Whether the stream has quick acknowledgements.
    var hasQuickAcknowledgements: Bool {
        self.custom?.transport.hasQuickAcknowledgements ?? self.framing.map { $0 != .full } ?? false
    }

    /// The transport over another carrier, with as much of the framing as the carrier has.
    func changed(to carrier: Endpoint.Scheme) -> ClientTransport {
        guard carrier != self.carrier else { return self }
        if let custom = self.custom, carrier == .tcp || carrier == .ws || carrier == .wss {
            return ClientTransport(carrier: carrier, framing: nil, isObfuscated: false, custom: custom)
        }
        let framing = self.framing ?? .intermediate
        return switch carrier {
        case .tcp: .tcp(framing, obfuscated: self.isObfuscated)
        case .ws: .webSocket(framing, tls: false)
        case .wss: .webSocket(framing, tls: true)
        case .http: .http
        case .https: .https
        }
    }
}
