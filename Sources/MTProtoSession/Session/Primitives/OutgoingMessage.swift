// SPDX-License-Identifier: Apache-2.0

public import NIOCore

/// A message with its identifier and sequence number, ready to be put into a payload.
public struct OutgoingMessage: Sendable {
    /// The message identifier.
    public var identifier: UInt64
    /// The sequence number; odd if the message is content-related.
    public var sequenceNumber: Int32
    /// The TL object, boxed: a multiple of 4 bytes. For an answer (see ``resultOf``) the result alone.
    public var body: ByteBuffer
    /// The query that ``body`` is the result of: the message is then `rpc_result`, whose 12 bytes before the result are
    /// written with the message, so that a large result is not copied an additional time.
    public var resultOf: UInt64?

    /// Makes a message.
    ///
    /// - Parameters:
    ///   - identifier: The message identifier.
    ///   - sequenceNumber: The sequence number.
    ///   - body: The boxed TL object, or the result of a query.
    ///   - resultOf: The query that `body` is the result of, or nil if `body` is the whole object.
    public init(identifier: UInt64, sequenceNumber: Int32, body: ByteBuffer, resultOf: UInt64? = nil) {
        self.identifier = identifier
        self.sequenceNumber = sequenceNumber
        self.body = body
        self.resultOf = resultOf
    }

    /// Whether the receiver must acknowledge the message: the lowest bit of its sequence number.
    public var isContentRelated: Bool {
        self.sequenceNumber & 1 == 1
    }

    /// How many bytes the TL object takes, a multiple of 4.
    public var byteCount: Int {
        Self.byteCount(ofBody: self.body, isResult: self.resultOf != nil)
    }

    static func byteCount(ofBody body: ByteBuffer, isResult: Bool) -> Int {
        (body.readableBytes + 3) & ~3 + (isResult ? Self.resultHeaderByteCount : 0)
    }

    /// `rpc_result` and the identifier of the query.
    private static let resultHeaderByteCount = 12

    /// Writes the TL object.
    func writeBody(to buffer: inout ByteBuffer) {
        if let query = self.resultOf {
            buffer.writeInteger(RPCResult.constructor, endianness: .little)
            buffer.writeInteger(query, endianness: .little)
        }
        buffer.writeImmutableBuffer(self.body)
        // A caller's mistake must not shift what follows in a container.
        buffer.writeRepeatingByte(0, count: -self.body.readableBytes & 3)
    }
}
