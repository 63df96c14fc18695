// SPDX-License-Identifier: Apache-2.0

public import MTProtoCrypto
public import NIOCore

/// Reads the proxy's answer to a ClientHello and checks that it knows the secret.
///
/// The answer is one ServerHello record, further handshake records if there are, ChangeCipherSpec, and exactly one record
/// of application data. Nothing is consumed until it is whole. What only an ordinary TLS server sends is recognised from its
/// first bytes, since such a server may wait for the client then: versions before 1.2, the messages of TLS 1.2 behind
/// ServerHello, data without ChangeCipherSpec.
///
/// Specification: none official; what MTProxy sends.
public struct FakeTLSServerReply: Sendable {
    /// The most bytes of an answer before its record of application data, 65 536.
    public static let maximumHandshakeLength = 65_536
    /// The most bytes of an answer, 131 076: the record of application data has 0 to 65 535 and a header.
    public static let maximumLength = Self.maximumHandshakeLength + TLSRecord.headerLength + Int(UInt16.max)
    /// The most handshake records behind the first. Proxies send none, but it is allowed.
    private static let maximumAdditionalHandshakeRecords = 16
    private static let serverHello: UInt8 = 2
    /// Certificate, ServerKeyExchange, CertificateRequest, ServerHelloDone, CertificateStatus: TLS 1.3 has them only encrypted.
    private static let messagesOfTLS12: Set<UInt8> = [0x0b, 0x0c, 0x0d, 0x0e, 0x16]
    /// The `random` with which a TLS server asks for another hello. No digest is it, and no more would come.
    private static let helloRetryRequest = Bytes32([
        0xcf, 0x21, 0xad, 0x74, 0xe5, 0x9a, 0x61, 0x11, 0xbe, 0x1d, 0x8c, 0x02, 0x1e, 0x65, 0xb8, 0x91,
        0xc2, 0xa2, 0x11, 0x16, 0x7a, 0xbb, 0x8c, 0x5e, 0x07, 0x9e, 0x09, 0xe2, 0xc8, 0xa8, 0x33, 0x9c,
    ])

    private let key: Bytes16
    private let clientRandom: Bytes32

    /// Prepares to read an answer.
    ///
    /// - Parameters:
    ///   - key: The secret's key.
    ///   - clientRandom: The field of the ClientHello, as it was sent.
    public init(key: Bytes16, answering clientRandom: Bytes32) {
        self.key = key
        self.clientRandom = clientRandom
    }

    /// Looks at the bytes received so far.
    ///
    /// - Parameter received: All bytes since the hello was sent. A whole answer is consumed; bytes behind it are left.
    /// - Returns: Whether the answer is whole and right; otherwise call again with more bytes behind these.
    /// - Throws: ``FakeTLSError``, as soon as the bytes that say so are there.
    public func read(_ received: inout ByteBuffer) throws(FakeTLSError) -> Bool {
        guard let length = try self.length(in: received) else { return false }
        guard let flight = received.getSlice(at: received.readerIndex, length: length),
            let random = FakeTLSDigest.random(in: flight),
            let expected = FakeTLSDigest.serverRandom(for: flight, answering: self.clientRandom, key: self.key)
        else { throw FakeTLSError(.malformed) }
        guard expected.isEqualInConstantTime(to: random) else { throw FakeTLSError(.ordinaryTLSServer) }
        received.moveReaderIndex(forwardBy: length)
        return true
    }

    /// The length of a whole answer; `nil` while it is not whole.
    private func length(in received: ByteBuffer) throws(FakeTLSError) -> Int? {
        guard var offset = try self.serverHelloLength(in: received) else { return nil }
        for _ in 0...Self.maximumAdditionalHandshakeRecords {
            guard let record = try Self.record(at: offset, in: received) else { return nil }
            switch record.type {
            case TLSRecord.ContentType.handshake:
                guard try Self.isOfProxy(messageAt: offset + TLSRecord.headerLength, before: record.end, in: received)
                else { return nil }
                offset = record.end
            case TLSRecord.ContentType.changeCipherSpec:
                guard record.end - offset == TLSRecord.changeCipherSpec.count else { throw FakeTLSError(.malformed) }
                guard let body = Self.byte(at: record.end - 1, in: received) else { return nil }
                guard body == 1 else { throw FakeTLSError(.malformed) }
                guard let data = try Self.record(at: record.end, in: received) else { return nil }
                switch data.type {
                case TLSRecord.ContentType.applicationData:
                    return received.readableBytes >= data.end ? data.end : nil
                case TLSRecord.ContentType.handshake:
                    // TLS 1.2's Finished.
                    throw FakeTLSError(.ordinaryTLSServer)
                default:
                    throw FakeTLSError(.unexpectedRecord, value: data.type)
                }
            case TLSRecord.ContentType.applicationData:
                throw FakeTLSError(.ordinaryTLSServer)
            default:
                throw FakeTLSError(.unexpectedRecord, value: record.type)
            }
        }
        throw FakeTLSError(.unexpectedRecord, value: TLSRecord.ContentType.handshake)
    }

    /// The length of the first record, which must be a ServerHello.
    private func serverHelloLength(in received: ByteBuffer) throws(FakeTLSError) -> Int? {
        guard let record = try Self.record(at: 0, in: received) else { return nil }
        guard record.type == TLSRecord.ContentType.handshake else {
            throw FakeTLSError(.unexpectedRecord, value: record.type)
        }
        guard record.end >= FakeTLSDigest.field.upperBound else { throw FakeTLSError(.malformed) }
        guard let type = Self.byte(at: TLSRecord.headerLength, in: received) else { return nil }
        guard type == Self.serverHello else { throw FakeTLSError(.malformed) }
        guard FakeTLSDigest.random(in: received) != Self.helloRetryRequest else {
            throw FakeTLSError(.ordinaryTLSServer)
        }
        guard let high = Self.byte(at: TLSRecord.headerLength + 1, in: received),
            let low = received.getInteger(at: received.readerIndex + TLSRecord.headerLength + 2, as: UInt16.self)
        else { return nil }
        let message = TLSRecord.headerLength + 4 + (Int(high) << 16 | Int(low))
        return try Self.isOfProxy(messageAt: message, before: record.end, in: received) ? record.end : nil
    }

    /// Whether no message of TLS 1.2 begins at an offset, if that is before the end of its record; `false` while the byte that
    /// says so is not there.
    private static func isOfProxy(
        messageAt offset: Int,
        before end: Int,
        in received: ByteBuffer
    ) throws(FakeTLSError) -> Bool {
        guard offset < end else { return true }
        guard let type = Self.byte(at: offset, in: received) else { return false }
        guard !Self.messagesOfTLS12.contains(type) else { throw FakeTLSError(.ordinaryTLSServer) }
        return true
    }

    /// A record's type and end, once its header is there; an alert is an error, once it is there.
    private static func record(
        at offset: Int,
        in received: ByteBuffer
    ) throws(FakeTLSError) -> (type: UInt8, end: Int)? {
        guard let type = Self.byte(at: offset, in: received) else { return nil }
        let isFirst = offset == 0
        guard TLSRecord.ContentType.changeCipherSpec...TLSRecord.ContentType.applicationData ~= type else {
            throw isFirst ? FakeTLSError(.notTLS) : FakeTLSError(.unexpectedRecord, value: type)
        }
        guard let major = Self.byte(at: offset + 1, in: received) else { return nil }
        guard major == 3 else { throw FakeTLSError(isFirst ? .notTLS : .malformed) }
        let isAlert = type == TLSRecord.ContentType.alert
        guard let minor = Self.byte(at: offset + 2, in: received) else { return nil }
        // Old servers refuse in their own version.
        guard minor == 3 || isAlert else {
            let isOldServer = isFirst && type == TLSRecord.ContentType.handshake && minor < 3
            throw FakeTLSError(isOldServer ? .ordinaryTLSServer : .malformed)
        }
        guard
            let length = received.getInteger(at: received.readerIndex + offset + 3, as: UInt16.self)
        else { return nil }
        let end = offset + TLSRecord.headerLength + Int(length)
        guard isAlert else {
            guard type == TLSRecord.ContentType.applicationData || end <= Self.maximumHandshakeLength else {
                throw FakeTLSError(.tooLong)
            }
            return (type, end)
        }
        guard length == 2 else { throw FakeTLSError(.malformed) }
        guard let alert = Self.byte(at: end - 1, in: received) else { return nil }
        throw FakeTLSError(.alert, value: alert)
    }

    private static func byte(at offset: Int, in received: ByteBuffer) -> UInt8? {
        received.getInteger(at: received.readerIndex + offset)
    }
}
