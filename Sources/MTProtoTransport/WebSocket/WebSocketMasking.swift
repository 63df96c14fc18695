// SPDX-License-Identifier: Apache-2.0

public import NIOCore
public import NIOWebSocket

/// The masking of a WebSocket client's frames: each byte is combined with one of a key's four in turn.
///
/// Masking and unmasking are the same operation. It is no protection; it keeps a page's script from choosing what
/// intermediaries see.
///
/// Specification: RFC 6455, section 5.3.
public enum WebSocketMasking {
    /// Masks or unmasks the readable bytes, in place if the buffer is the only owner of its storage; else they move to
    /// a storage of their own in the same pass.
    ///
    /// - Parameters:
    ///   - key: The frame's key.
    ///   - buffer: Some of the frame's bytes.
    ///   - offset: How many of the frame's bytes came before those; zero or more.
    public static func apply(_ key: WebSocketMaskingKey, to buffer: inout ByteBuffer, at offset: Int = 0) {
        let key = Key(key, offset: offset)
        let isDone: Void? = buffer.modifyIfUniquelyOwned { self.apply(key, toUnique: &$0) }
        guard isDone == nil else { return }
        var copy = ByteBuffer()
        self.write(buffer, with: key, to: &copy)
        buffer = copy
    }

    /// Masks the readable bytes of a buffer that is the only owner of its storage.
    static func apply(_ key: Key, toUnique buffer: inout ByteBuffer) {
        buffer.withUnsafeMutableReadableBytes { bytes in
            self.combine(UnsafeRawBufferPointer(bytes), with: key, into: bytes)
        }
    }

    /// Appends a buffer's masked bytes to another.
    static func write(_ source: ByteBuffer, with key: Key, to target: inout ByteBuffer) {
        let count = source.readableBytes
        target.reserveCapacity(minimumWritableBytes: count)
        target.writeWithUnsafeMutableBytes(minimumWritableBytes: count) { bytes in
            source.withUnsafeReadableBytes { self.combine($0, with: key, into: bytes) }
            return count
        }
    }

    /// A key in the order of memory, turned to where it begins.
    struct Key {
        let bytes: UInt32

        init(_ key: WebSocketMaskingKey, offset: Int = 0) {
            var turned = (UInt8(0), UInt8(0), UInt8(0), UInt8(0))
            turned.0 = key[offset & 3]
            turned.1 = key[(offset + 1) & 3]
            turned.2 = key[(offset + 2) & 3]
            turned.3 = key[(offset + 3) & 3]
            self.bytes = unsafeBitCast(turned, to: UInt32.self)
        }

        init(inMemoryOrder bytes: UInt32) {
            self.bytes = bytes
        }
    }

    /// Writes the masked bytes of `source` to the beginning of `target`, which may be the same memory.
    private static func combine(
        _ source: UnsafeRawBufferPointer,
        with key: Key,
        into target: UnsafeMutableRawBufferPointer
    ) {
        let word = UInt64(key.bytes) << 32 | UInt64(key.bytes)
        let block = SIMD4<UInt64>(repeating: word)
        let count = source.count
        var offset = 0
        while offset &+ 32 <= count {
            let masked = source.loadUnaligned(fromByteOffset: offset, as: SIMD4<UInt64>.self) ^ block
            target.storeBytes(of: masked, toByteOffset: offset, as: SIMD4<UInt64>.self)
            offset &+= 32
        }
        while offset &+ 8 <= count {
            let masked = source.loadUnaligned(fromByteOffset: offset, as: UInt64.self) ^ word
            target.storeBytes(of: masked, toByteOffset: offset, as: UInt64.self)
            offset &+= 8
        }
        withUnsafeBytes(of: key.bytes) { key in
            while offset < count {
                target[offset] = source[offset] ^ key[offset & 3]
                offset &+= 1
            }
        }
    }
}
