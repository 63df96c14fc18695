// SPDX-License-Identifier: Apache-2.0

public import NIOCore

/// Says how long an HTTP request may wait for messages. It gets no answer.
///
/// `http_wait#9299359f max_delay:int wait_after:int max_wait:int = HttpWait`
///
/// Specification: *HTTP transport*.
public struct HTTPWait: TLObject, Hashable {
    /// `http_wait`.
    public static let constructor: UInt32 = 0x9299_359f

    /// The longest time between the first message for the session and the response, in milliseconds.
    public var maximumDelay: Int32

    /// How long to wait for more after the latest message, in milliseconds.
    public var waitAfter: Int32

    /// The longest time to hold the request while there is nothing to send, in milliseconds.
    public var maximumWait: Int32

    /// Makes the value from its fields.
    public init(maximumDelay: Int32, waitAfter: Int32, maximumWait: Int32) {
        self.maximumDelay = maximumDelay
        self.waitAfter = waitAfter
        self.maximumWait = maximumWait
    }

    /// Reads the fields that follow the constructor.
    public init(fields reader: inout TLReader) throws(TLError) {
        self.maximumDelay = try reader.readInt32()
        self.waitAfter = try reader.readInt32()
        self.maximumWait = try reader.readInt32()
    }

    /// Writes the fields that follow the constructor.
    public func writeFields(to buffer: inout ByteBuffer) {
        buffer.writeTLInt32(self.maximumDelay)
        buffer.writeTLInt32(self.waitAfter)
        buffer.writeTLInt32(self.maximumWait)
    }
}
