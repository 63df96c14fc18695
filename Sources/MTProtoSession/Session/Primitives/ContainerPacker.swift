// SPDX-License-Identifier: Apache-2.0

public import NIOCore

/// Collects messages for one payload as long as they fit: a single one stays bare, several become a `msg_container`.
///
/// The container's own identifier and sequence number are the caller's to assign, after those of its contents.
///
/// Specification: *Service Messages about Messages* and *Containers*.
public struct ContainerPacker: Sendable {
    /// How many messages a container takes; 1020 is what all servers accept.
    public let maximumCount: Int
    /// How many bytes a container of several messages takes, with all headers.
    public let maximumByteCount: Int

    /// The messages collected.
    public private(set) var messages: [OutgoingMessage] = []
    /// Whether the payload's body is a `msg_container`: for more than one message, or for one that must be wrapped.
    public private(set) var isContainer = false
    private var contentByteCount = 0
    /// The size of one message more that is to follow, for which ``hasRoom(forByteCount:)`` keeps room.
    package var reservedByteCount: Int?

    /// Makes an empty packer.
    ///
    /// - Parameters:
    ///   - maximumCount: How many messages a container takes, 1…1024. Default 1020.
    ///   - maximumByteCount: How many bytes it takes. A message that is larger alone still travels, alone. Default 32 KiB.
    public init(maximumCount: Int = 1020, maximumByteCount: Int = 32_768) {
        self.maximumCount = min(max(maximumCount, 1), 1024)
        self.maximumByteCount = max(maximumByteCount, 0)
    }

    /// Whether nothing is collected.
    public var isEmpty: Bool {
        self.messages.isEmpty
    }

    /// How many messages are collected.
    public var count: Int {
        self.messages.count
    }

    /// How many bytes ``write(to:)`` will write.
    public var byteCount: Int {
        self.isContainer
            ? Self.headerByteCount + self.messages.count * Self.messageHeaderByteCount + self.contentByteCount
            : self.contentByteCount
    }

    /// Whether a message of so many bytes would still fit. The first one always does.
    public func hasRoom(forByteCount byteCount: Int) -> Bool {
        guard !self.messages.isEmpty else { return true }
        let count = self.messages.count + (self.reservedByteCount == nil ? 1 : 2)
        guard count <= self.maximumCount else { return false }
        let headers = Self.headerByteCount + count * Self.messageHeaderByteCount
        let contents = self.contentByteCount + byteCount + (self.reservedByteCount ?? 0)
        return headers + contents <= self.maximumByteCount
    }

    /// Adds a message that ``hasRoom(forByteCount:)`` has room for.
    ///
    /// - Parameters:
    ///   - message: The message.
    ///   - inContainer: Whether it must travel in a container even alone, as a repeated message must.
    public mutating func append(_ message: OutgoingMessage, inContainer: Bool = false) {
        self.contentByteCount += message.byteCount
        self.messages.append(message)
        self.isContainer = self.isContainer || inContainer || self.messages.count > 1
    }

    /// Makes the payload's body a container, however few messages there are: none, for an empty one.
    package mutating func wrap() {
        self.isContainer = true
    }

    /// Writes the body of the payload: the bare message, or the container.
    public func write(to buffer: inout ByteBuffer) {
        guard self.isContainer else {
            self.messages.first?.writeBody(to: &buffer)
            return
        }
        buffer.writeInteger(MessageContainer.constructor, endianness: .little)
        buffer.writeInteger(Int32(truncatingIfNeeded: self.messages.count), endianness: .little)
        for message in self.messages {
            buffer.writeInteger(message.identifier, endianness: .little)
            buffer.writeInteger(message.sequenceNumber, endianness: .little)
            buffer.writeInteger(Int32(truncatingIfNeeded: message.byteCount), endianness: .little)
            message.writeBody(to: &buffer)
        }
    }

    /// Forgets the messages and keeps the memory for the next payload.
    public mutating func removeAll() {
        self.messages.removeAll(keepingCapacity: true)
        self.isContainer = false
        self.contentByteCount = 0
    }

    /// Constructor and count.
    private static let headerByteCount = 8
    /// Identifier, sequence number and length.
    private static let messageHeaderByteCount = 16
}
