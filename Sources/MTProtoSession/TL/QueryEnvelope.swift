// SPDX-License-Identifier: Apache-2.0

public import NIOCore

/// A query without the wrappers around it.
///
/// Clients nest `invokeWithLayer`, `initConnection`, `invokeAfterMsg` and their like in any order, and put
/// `gzip_packed` anywhere between them.
///
/// Specification: *Calling API Methods*.
public struct QueryEnvelope: Hashable, Sendable {
    /// The layer of `invokeWithLayer`.
    public var layer: Int32?

    /// `initConnection`, its query left empty.
    public var initConnection: InitConnection?

    /// Whether `invokeWithoutUpdates` stands around the query.
    public var withoutUpdates = false

    /// The queries to run before this one, of `invokeAfterMsg` and `invokeAfterMsgs`.
    public var after: [UInt64] = []

    /// The range of `invokeWithMessagesRange`.
    public var messageRange: MessageRange?

    /// The session of `invokeWithTakeout`.
    public var takeoutIdentifier: Int64?

    /// Whether the query, or a part of its wrapping, was compressed.
    public var wasCompressed = false

    /// The innermost query, boxed.
    public var query: ByteBuffer

    /// The constructor of ``query``; nil if it has fewer than 4 bytes.
    public var queryConstructor: UInt32? { self.query.tlConstructor }

    /// Makes the envelope of a bare query.
    public init(query: ByteBuffer) {
        self.query = query
    }

    /// Takes all known wrappers off.
    ///
    /// A bare query costs one comparison of its constructor. Of a wrapper that comes more than once the innermost counts.
    ///
    /// - Throws: ``TLError`` if a wrapper is malformed, if there are more than ``TLLimits/maximumDepth`` of them, or
    ///   more than one of them is compressed.
    public static func unwrap(_ body: ByteBuffer, limits: TLLimits = .standard) throws(TLError) -> QueryEnvelope {
        var envelope = QueryEnvelope(query: body)
        for _ in 0...max(0, limits.maximumDepth) {
            guard try envelope.removeWrapper(limits: limits) else { return envelope }
        }
        throw .tooDeep
    }

    /// - Returns: Whether there was one.
    private mutating func removeWrapper(limits: TLLimits) throws(TLError) -> Bool {
        var reader = TLReader(self.query, maximumDepth: limits.maximumDepth)
        switch try reader.readConstructor() {
        case InvokeWithLayer.constructor:
            self.layer = try reader.readInt32()
        case InitConnection.constructor:
            var wrapper = try InitConnection(fields: &reader)
            self.query = wrapper.query
            wrapper.query = ByteBuffer()
            self.initConnection = wrapper
            return true
        case InvokeAfterMessage.constructor:
            self.after.append(try reader.readUInt64())
        case InvokeAfterMessages.constructor:
            self.after += try reader.readUInt64Vector()
        case InvokeWithoutUpdates.constructor:
            self.withoutUpdates = true
        case InvokeWithMessagesRange.constructor:
            self.messageRange = try MessageRange.read(from: &reader)
        case InvokeWithTakeout.constructor:
            self.takeoutIdentifier = try reader.readInt64()
        case GzipPacked.constructor:
            if self.wasCompressed { throw .nestedCompression }
            self.wasCompressed = true
            self.query = try GzipPacked(fields: &reader).unpacked(limits: limits)
            return true
        default:
            return false
        }
        self.query = reader.readRemaining()
        return true
    }
}
