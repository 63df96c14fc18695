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

    /// The queries to run before this one, of `invokeAfterMsg` and `invokeAfterMsgs`, each once, at most 1024.
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
        var budget = limits.maximumUnpackedLength
        return try Self.unwrap(body, limits: limits, budget: &budget)
    }

    /// Takes all known wrappers off, within a budget that several queries share.
    ///
    /// - Parameters:
    ///   - body: The boxed query with its wrappers.
    ///   - limits: What is accepted; ``TLLimits/maximumUnpackedLength`` does not count here.
    ///   - budget: How many bytes may come out of compressed parts. What came out is taken off, also when this throws.
    /// - Throws: ``TLError`` like ``unwrap(_:limits:)``.
    public static func unwrap(
        _ body: ByteBuffer,
        limits: TLLimits = .standard,
        budget: inout Int
    ) throws(TLError) -> QueryEnvelope {
        var envelope = QueryEnvelope(query: body)
        for _ in 0...max(0, limits.maximumDepth) {
            guard try envelope.removeWrapper(limits: limits, budget: &budget) else { return envelope }
        }
        throw .tooDeep
    }

    /// How many queries one query may wait for: as many as a container holds.
    public static let maximumPredecessorCount = 1024

    private mutating func wait(for identifiers: [UInt64]) throws(TLError) {
        var known = Set(self.after)
        for identifier in identifiers where known.insert(identifier).inserted {
            guard self.after.count < Self.maximumPredecessorCount else {
                throw .limitExceeded(Self.maximumPredecessorCount)
            }
            self.after.append(identifier)
        }
    }

    /// - Returns: Whether there was one.
    private mutating func removeWrapper(limits: TLLimits, budget: inout Int) throws(TLError) -> Bool {
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
            try self.wait(for: [try reader.readUInt64()])
        case InvokeAfterMessages.constructor:
            try self.wait(for: try reader.readUInt64Vector(maximumCount: Self.maximumPredecessorCount))
        case InvokeWithoutUpdates.constructor:
            self.withoutUpdates = true
        case InvokeWithMessagesRange.constructor:
            self.messageRange = try MessageRange.read(from: &reader)
        case InvokeWithTakeout.constructor:
            self.takeoutIdentifier = try reader.readInt64()
        case GzipPacked.constructor:
            if self.wasCompressed { throw .nestedCompression }
            self.wasCompressed = true
            self.query = try GzipPacked(fields: &reader).unpacked(budget: &budget)
            return true
        default:
            return false
        }
        self.query = reader.readRemaining()
        return true
    }
}
