// SPDX-License-Identifier: Apache-2.0

public import NIOCore

/// Takes the records of FakeTLS off a stream, behind the handshake, for either role.
///
/// The boundaries of records carry no meaning, so that nothing has to be collected: what is there of a record is passed
/// on. Only a record's header waits until it is whole.
///
/// A record's body may have 0 to 65 535 bytes, all that its header can say and more than TLS allows, as proxies and official
/// clients take it. ChangeCipherSpec is skipped wherever it comes.
///
/// Specification: none official; what MTProxy and its clients do.
public struct FakeTLSRecordDecoder: Sendable {
    private enum State: Hashable {
        /// So many bytes of a header are there, which are these.
        case header(count: Int, bytes: UInt64)
        case body(remaining: Int)
        case changeCipherSpec
        case alert(remaining: Int)
        case failed(FakeTLSError)
    }

    private static let emptyHeader = State.header(count: 0, bytes: 0)

    private var state = Self.emptyHeader

    /// Makes a decoder for the bytes behind the handshake.
    public init() {}

    /// Removes everything from the readable bytes that is not the stream inside.
    ///
    /// The stream's bytes stay where they are; only those of a second and further record in one call are moved up to the
    /// first, within the buffer.
    ///
    /// - Parameter bytes: The next bytes received before, the next bytes of the stream after the call, which may be none.
    /// - Throws: ``FakeTLSError`` with `unexpectedRecord`, `malformed` or `alert`, and the same at each call from then on;
    ///   the stream's bytes before the fault are in `bytes`.
    public mutating func decode(_ bytes: inout ByteBuffer) throws(FakeTLSError) {
        var position = bytes.readerIndex
        let end = bytes.writerIndex
        var stream = position..<position
        defer {
            bytes.moveReaderIndex(to: stream.lowerBound)
            bytes.moveWriterIndex(to: stream.upperBound)
        }
        if case .failed(let error) = self.state { throw error }
        do throws(FakeTLSError) {
            while position < end {
                if case .body(let remaining) = self.state {
                    let body = position..<min(position + remaining, end)
                    Self.append(body, to: &stream, in: &bytes)
                    position = body.upperBound
                    self.state = body.count == remaining ? Self.emptyHeader : .body(remaining: remaining - body.count)
                } else {
                    try self.take(bytes.getInteger(at: position) ?? 0)
                    position += 1
                }
            }
        } catch {
            self.state = .failed(error)
            throw error
        }
    }

    private static func append(_ body: Range<Int>, to stream: inout Range<Int>, in bytes: inout ByteBuffer) {
        guard !stream.isEmpty else {
            stream = body
            return
        }
        let target = stream.upperBound - bytes.readerIndex
        let source = (body.lowerBound - bytes.readerIndex)..<(body.upperBound - bytes.readerIndex)
        bytes.withUnsafeMutableReadableBytes { bytes in
            let moved = UnsafeMutableRawBufferPointer(rebasing: bytes[target..<(target + source.count)])
            moved.copyMemory(from: UnsafeRawBufferPointer(rebasing: bytes[source]))
        }
        stream = stream.lowerBound..<(stream.upperBound + body.count)
    }

    /// Takes a byte that belongs to no body of application data.
    private mutating func take(_ byte: UInt8) throws(FakeTLSError) {
        switch self.state {
        case .header(let count, let bytes):
            let bytes = bytes << 8 | UInt64(byte)
            if count + 1 < TLSRecord.headerLength {
                try Self.check(byte, at: count)
                self.state = .header(count: count + 1, bytes: bytes)
            } else {
                try self.begin(type: UInt8(truncatingIfNeeded: bytes >> 32), length: Int(bytes & 0xffff))
            }
        case .changeCipherSpec:
            guard byte == 1 else { throw FakeTLSError(.malformed) }
            self.state = Self.emptyHeader
        case .alert(let remaining):
            guard remaining > 1 else { throw FakeTLSError(.alert, value: byte) }
            self.state = .alert(remaining: remaining - 1)
        case .body, .failed:
            break
        }
    }

    private static func check(_ byte: UInt8, at index: Int) throws(FakeTLSError) {
        switch index {
        case 0:
            let types = [
                TLSRecord.ContentType.applicationData, TLSRecord.ContentType.changeCipherSpec,
                TLSRecord.ContentType.alert,
            ]
            guard types.contains(byte) else { throw FakeTLSError(.unexpectedRecord, value: byte) }
        case 1, 2:
            guard byte == 3 else { throw FakeTLSError(.malformed) }
        default:
            break
        }
    }

    private mutating func begin(type: UInt8, length: Int) throws(FakeTLSError) {
        switch type {
        case TLSRecord.ContentType.applicationData:
            self.state = length == 0 ? Self.emptyHeader : .body(remaining: length)
        case TLSRecord.ContentType.changeCipherSpec:
            guard length == 1 else { throw FakeTLSError(.malformed) }
            self.state = .changeCipherSpec
        default:
            guard length == 2 else { throw FakeTLSError(.malformed) }
            self.state = .alert(remaining: length)
        }
    }
}
