// SPDX-License-Identifier: Apache-2.0

internal import MTProtoCrypto
internal import NIOCore

extension ByteBuffer {
    /// The constructor of the boxed object at the beginning, 0 if there are not even four bytes.
    var exchangeConstructor: UInt32 {
        self.getInteger(at: self.readerIndex, endianness: .little) ?? 0
    }

    /// The `nonce`, first field of every message of the exchange; nil if the message is too short.
    func getExchangeNonce() -> Bytes16? {
        self.getBytes(at: self.readerIndex + 4, length: 16).flatMap { Bytes16($0) }
    }

    /// The `server_nonce`, second field of every message of the exchange but the first; nil if the message is too
    /// short.
    func getExchangeServerNonce() -> Bytes16? {
        self.getBytes(at: self.readerIndex + 20, length: 16).flatMap { Bytes16($0) }
    }

    /// Parses a message of the exchange; bytes after it are padding of the transport.
    func parseExchangeMessage<Object: TLBoxed>(
        _: Object.Type,
        phase: KeyExchangeError.Phase
    ) throws(KeyExchangeError) -> Object {
        do {
            return try ParsedPrefix<Object>(parsing: self).object
        } catch {
            throw KeyExchangeError(phase, .malformed)
        }
    }
}
