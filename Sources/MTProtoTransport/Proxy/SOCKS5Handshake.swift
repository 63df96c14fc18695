// SPDX-License-Identifier: Apache-2.0

public import NIOCore

/// The client's side of SOCKS5: asks a proxy to connect to a destination, with user and password if there are any.
///
/// It never waits for more than 262 bytes, the longest reply.
///
/// Specification: RFC 1928, RFC 1929.
public struct SOCKS5Handshake: HopHandshake {
    private static let version: UInt8 = 5
    private static let credentialsVersion: UInt8 = 1

    private enum Method {
        static let none: UInt8 = 0
        static let credentials: UInt8 = 2
        static let noneAcceptable: UInt8 = 0xff
    }

    private enum AddressType {
        static let v4: UInt8 = 1
        static let name: UInt8 = 3
        static let v6: UInt8 = 4
    }

    private enum State: Hashable {
        case awaitingMethod, awaitingCredentialsAnswer, awaitingReply, done
        case failed(SOCKS5Error)
    }

    private let destination: SocketEndpoint
    private let credentials: ProxyCredentials?
    private var state = State.awaitingMethod

    /// Prepares a handshake.
    ///
    /// - Parameters:
    ///   - destination: Where the proxy shall connect to, a port from 1; names are for the proxy to resolve.
    ///   - credentials: Offered beside no authentication at all; the proxy chooses. RFC 1929 has passwords of 1 to 255 bytes.
    /// - Throws: ``SOCKS5Error`` with `emptyPassword` or `invalidDestination`.
    public init(destination: SocketEndpoint, credentials: ProxyCredentials? = nil) throws(SOCKS5Error) {
        guard destination.port != 0 else { throw SOCKS5Error(.invalidDestination) }
        guard credentials?.password.isEmpty != true else { throw SOCKS5Error(.emptyPassword) }
        self.destination = destination
        self.credentials = credentials
    }

    /// The ways to authenticate, 3 or 4 bytes.
    public mutating func start() -> ByteBuffer {
        let methods = self.credentials == nil ? [Method.none] : [Method.none, Method.credentials]
        return ByteBuffer(bytes: [Self.version, UInt8(methods.count)] + methods)
    }

    /// Takes bytes of the proxy; see ``HopHandshake/receive(_:)``.
    ///
    /// - Throws: ``SOCKS5Error``, as soon as the byte that says so is there.
    public mutating func receive(_ received: inout ByteBuffer) throws(SOCKS5Error) -> HopHandshakeAction {
        do throws(SOCKS5Error) {
            switch self.state {
            case .awaitingMethod: return try self.receiveMethod(&received)
            case .awaitingCredentialsAnswer: return try self.receiveCredentialsAnswer(&received)
            case .awaitingReply: return try self.receiveReply(&received)
            case .done: return .done
            case .failed(let error): throw error
            }
        } catch {
            self.state = .failed(error)
            throw error
        }
    }

    private mutating func receiveMethod(_ received: inout ByteBuffer) throws(SOCKS5Error) -> HopHandshakeAction {
        guard let method = try Self.answer(in: received, version: Self.version) else { return .needsMoreBytes }
        received.moveReaderIndex(forwardBy: 2)
        switch (method, self.credentials) {
        case (Method.none, _):
            self.state = .awaitingReply
            return .send(self.request())
        case (Method.credentials, let credentials?):
            self.state = .awaitingCredentialsAnswer
            return .send(Self.message(credentials))
        case (Method.noneAcceptable, _):
            throw SOCKS5Error(.noAcceptableMethod, hadCredentials: self.credentials != nil)
        default:
            throw SOCKS5Error(.unexpectedMethod, value: method)
        }
    }

    private mutating func receiveCredentialsAnswer(
        _ received: inout ByteBuffer
    ) throws(SOCKS5Error) -> HopHandshakeAction {
        guard let status = try Self.answer(in: received, version: Self.credentialsVersion) else {
            return .needsMoreBytes
        }
        guard status == 0 else { throw SOCKS5Error(.credentialsRefused, value: status) }
        received.moveReaderIndex(forwardBy: 2)
        self.state = .awaitingReply
        return .send(self.request())
    }

    private mutating func receiveReply(_ received: inout ByteBuffer) throws(SOCKS5Error) -> HopHandshakeAction {
        guard let reply = try Self.answer(in: received, version: Self.version) else { return .needsMoreBytes }
        // Some proxies close behind these two bytes when they refuse.
        guard reply == 0 else { throw SOCKS5Error(reply: reply) }
        let start = received.readerIndex
        guard let type = received.getInteger(at: start + 3, as: UInt8.self) else { return .needsMoreBytes }
        let addressLength: Int
        switch type {
        case AddressType.v4: addressLength = 4
        case AddressType.v6: addressLength = 16
        case AddressType.name:
            guard let count = received.getInteger(at: start + 4, as: UInt8.self) else { return .needsMoreBytes }
            addressLength = 1 + Int(count)
        default:
            throw SOCKS5Error(.malformed, value: type)
        }
        let length = 4 + addressLength + 2
        guard received.readableBytes >= length else { return .needsMoreBytes }
        received.moveReaderIndex(forwardBy: length)
        self.state = .done
        return .done
    }

    /// The byte behind the version of a message, once there.
    private static func answer(in received: ByteBuffer, version: UInt8) throws(SOCKS5Error) -> UInt8? {
        guard let first = received.getInteger(at: received.readerIndex, as: UInt8.self) else { return nil }
        guard first == version else { throw SOCKS5Error(.wrongVersion, value: first) }
        return received.getInteger(at: received.readerIndex + 1, as: UInt8.self)
    }

    private static func message(_ credentials: ProxyCredentials) -> ByteBuffer {
        var message = ByteBuffer()
        message.writeInteger(Self.credentialsVersion)
        message.writeInteger(UInt8(credentials.username.utf8.count))
        message.writeString(credentials.username)
        message.writeInteger(UInt8(credentials.password.utf8.count))
        message.writeString(credentials.password)
        return message
    }

    /// The request to connect.
    private func request() -> ByteBuffer {
        var message = ByteBuffer(bytes: [Self.version, 1, 0])
        let host = self.destination.host
        if let address = self.destination.addressBytes {
            message.writeInteger(address.count == 4 ? AddressType.v4 : AddressType.v6)
            message.writeBytes(address)
        } else {
            message.writeInteger(AddressType.name)
            message.writeInteger(UInt8(host.utf8.count))
            message.writeString(host)
        }
        message.writeInteger(UInt16(self.destination.port))
        return message
    }
}
