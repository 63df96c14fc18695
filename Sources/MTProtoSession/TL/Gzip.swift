// SPDX-License-Identifier: Apache-2.0

internal import CMTProtoZlib
public import NIOCore

/// The compression of ``GzipPacked``.
///
/// Specification: *Service Messages*, "Packed Object"; RFC 1950 and RFC 1952.
public enum Gzip {
    /// The shortest object that is worth compressing, in bytes.
    package static let minimumLength = 256

    /// Unpacks one gzip or zlib stream.
    ///
    /// The result grows as bytes come out of the stream: a small stream costs little, whatever it claims.
    ///
    /// - Parameters:
    ///   - packed: The stream and nothing else.
    ///   - maximumLength: How many bytes may come out of it.
    /// - Throws: ``TLError``: ``TLError/Code/limitExceeded`` if more bytes would come out,
    ///   ``TLError/Code/invalidCompression`` if the bytes are not one whole stream.
    public static func inflate(_ packed: ByteBuffer, maximumLength: Int) throws(TLError) -> ByteBuffer {
        guard maximumLength >= 0 else { throw .limitExceeded(maximumLength) }
        var budget = maximumLength
        return try Self.inflate(packed, budget: &budget)
    }

    /// Unpacks one gzip or zlib stream and takes every byte that came out from a budget, also when it fails.
    package static func inflate(_ packed: ByteBuffer, budget: inout Int) throws(TLError) -> ByteBuffer {
        // One byte over the limit has to be countable.
        let maximumLength = min(max(0, budget), Int.max - 1)
        var output = ByteBuffer()
        defer { budget = max(0, maximumLength - output.readableBytes) }
        // The stream's first bytes say which of the two formats it is; zlib checks the rest of the head.
        switch packed.getInteger(at: packed.readerIndex, as: UInt8.self) {
        case 0x1f: break
        case .some(let first) where first & 0x0f == 8: break
        default: throw .invalidCompression
        }
        try packed.withUnsafeReadableBytes { (input) throws(TLError) in
            guard let inflater = cmtproto_inflater_make(input.baseAddress, input.count) else {
                throw .invalidCompression
            }
            defer { cmtproto_inflater_free(inflater) }
            var chunk = min(max(4 * input.count, 512), 1 << 16)
            while true {
                // One byte over the limit shows that the stream goes on.
                let room = min(chunk, maximumLength - output.readableBytes + 1)
                var status = CMTPROTO_INFLATE_INVALID
                output.writeWithUnsafeMutableBytes(minimumWritableBytes: room) { bytes in
                    var written = 0
                    status = cmtproto_inflater_step(inflater, bytes.baseAddress, room, &written)
                    return written
                }
                guard output.readableBytes <= maximumLength else { throw .limitExceeded(maximumLength) }
                if status == CMTPROTO_INFLATE_END { break }
                guard status == CMTPROTO_INFLATE_MORE else { throw .invalidCompression }
                chunk = min(2 * chunk, 1 << 20)
            }
            guard cmtproto_inflater_remaining(inflater) == 0 else { throw .invalidCompression }
        }
        return output
    }

    /// Packs the readable bytes into one gzip stream, the same for the same bytes.
    ///
    /// It is a programming error to pack more than 1 GiB: no message is nearly so long.
    public static func deflate(_ body: ByteBuffer) -> ByteBuffer {
        let bound = cmtproto_gzip_bound(body.readableBytes)
        var output = ByteBufferAllocator().buffer(capacity: bound)
        body.withUnsafeReadableBytes { input in
            _ = output.writeWithUnsafeMutableBytes(minimumWritableBytes: bound) { bytes in
                cmtproto_gzip(input.baseAddress, input.count, bytes.baseAddress, bytes.count)
            }
        }
        // Only memory that ran out gets here.
        precondition(output.readableBytes > 0, "zlib could not compress")
        return output
    }
}

extension GzipPacked {
    /// Packs a boxed object.
    public init(compressing body: ByteBuffer) {
        self.init(packedData: Gzip.deflate(body))
    }

    /// The boxed object within.
    ///
    /// - Throws: ``TLError`` if the data are not one stream of gzip or zlib, or unpack to too much, or hold another
    ///   packed object.
    public func unpacked(limits: TLLimits = .standard) throws(TLError) -> ByteBuffer {
        var budget = limits.maximumUnpackedLength
        return try self.unpacked(budget: &budget)
    }

    /// The boxed object within; every byte that came out is taken from the budget, also when it fails.
    package func unpacked(budget: inout Int) throws(TLError) -> ByteBuffer {
        let body = try Gzip.inflate(self.packedData, budget: &budget)
        if body.tlConstructor == Self.constructor { throw .nestedCompression }
        return body
    }

    /// The object as it is, or the one within if it is a packed one.
    public static func unwrap(_ body: ByteBuffer, limits: TLLimits = .standard) throws(TLError) -> ByteBuffer {
        guard body.tlConstructor == Self.constructor else { return body }
        return try GzipPacked(body).unpacked(limits: limits)
    }
}
