// SPDX-License-Identifier: Apache-2.0

internal import DequeModule
internal import NIOCore

/// The messages of a server's session that need no acknowledgement: pongs, notices, acknowledgements. Each is sent once.
struct NoticeQueue: Sendable, Codable {
    struct Notice: Sendable, Codable {
        var body: ByteBuffer
        /// Whether it answers a message of the client, which the message identifier tells.
        var isResponse: Bool
    }

    /// What an unread connection may pile up; beyond, the oldest go.
    static let maximumCount = 4096
    static let maximumByteCount = 1 << 20
    /// The same without a connection, as over HTTP: about two responses.
    static let maximumUnconnectedByteCount = 1 << 16
    /// Few enough that a `msgs_ack` fits into a container of 32 KiB with others.
    static let acknowledgementsPerMessage = 1024

    private var notices = Deque<Notice>()
    private var byteCount = 0
    private var acknowledgements: [UInt64] = []
    /// How many went for want of room.
    private(set) var droppedCount: UInt64 = 0

    private enum CodingKeys: CodingKey {
        case notices, acknowledgements, droppedCount
    }

    init() {}

    init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: CodingKeys.self)
        self.notices = try container.decode(Deque<Notice>.self, forKey: .notices)
        self.acknowledgements = try container.decode([UInt64].self, forKey: .acknowledgements)
        self.droppedCount = try container.decodeIfPresent(UInt64.self, forKey: .droppedCount) ?? 0
        self.byteCount = self.notices.reduce(0) { $0 + $1.body.readableBytes }
        guard self.notices.count <= Self.maximumCount, self.byteCount <= Self.maximumByteCount,
            self.acknowledgements.count <= PendingAcknowledgements.maximumCountPerMessage
        else {
            throw DecodingError.dataCorrupted(
                .init(codingPath: decoder.codingPath, debugDescription: "no notices of a session")
            )
        }
    }

    var isEmpty: Bool {
        self.notices.isEmpty && self.acknowledgements.isEmpty
    }

    /// The bytes of all.
    var heldByteCount: Int {
        self.byteCount + self.acknowledgements.count * MemoryLayout<UInt64>.size
    }

    mutating func append(_ body: ByteBuffer, isResponse: Bool, maximumByteCount: Int = Self.maximumByteCount) {
        self.byteCount += body.readableBytes
        self.notices.append(Notice(body: body, isResponse: isResponse))
        while self.notices.count > 1,
            self.notices.count > Self.maximumCount || self.byteCount > maximumByteCount
        {
            self.byteCount -= self.notices.removeFirst().body.readableBytes
            self.droppedCount &+= 1
        }
    }

    /// Takes back the notice added last.
    mutating func removeLast() {
        guard let notice = self.notices.popLast() else { return }
        self.byteCount -= notice.body.readableBytes
    }

    /// Drops the oldest until so many bytes are free, or nothing is left.
    ///
    /// - Returns: How many bytes are.
    mutating func forget(byteCount: Int) -> Int {
        let before = self.heldByteCount
        while before - self.heldByteCount < byteCount, let notice = self.notices.popFirst() {
            self.byteCount -= notice.body.readableBytes
        }
        if before - self.heldByteCount < byteCount { self.acknowledgements.removeAll() }
        return before - self.heldByteCount
    }

    /// Adds an identifier to the next `msgs_ack`.
    ///
    /// - Returns: Whether there was room.
    @discardableResult
    mutating func acknowledge(_ identifier: UInt64) -> Bool {
        guard self.acknowledgements.count < PendingAcknowledgements.maximumCountPerMessage else { return false }
        self.acknowledgements.append(identifier)
        return true
    }

    /// Takes an identifier that was added last from the next `msgs_ack`.
    mutating func takeBackAcknowledgement(of identifier: UInt64) {
        if self.acknowledgements.last == identifier { self.acknowledgements.removeLast() }
    }

    /// The size of the next notice.
    mutating func nextByteCount() -> Int? {
        self.gatherAcknowledgements()
        return self.notices.first?.body.readableBytes
    }

    mutating func popFirst() -> Notice? {
        guard let notice = self.notices.popFirst() else { return nil }
        self.byteCount -= notice.body.readableBytes
        return notice
    }

    mutating func removeAll() {
        self.notices.removeAll()
        self.acknowledgements.removeAll()
        self.byteCount = 0
    }

    private mutating func gatherAcknowledgements() {
        while !self.acknowledgements.isEmpty {
            let some = Array(self.acknowledgements.prefix(Self.acknowledgementsPerMessage))
            self.acknowledgements.removeFirst(some.count)
            self.append(MessagesAcknowledgement(identifiers: some).serialized(), isResponse: false)
        }
    }
}
