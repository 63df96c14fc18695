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
    /// Few enough that a `msgs_ack` fits into a container of 32 KiB with others.
    static let acknowledgementsPerMessage = 1024

    private var notices = Deque<Notice>()
    private var byteCount = 0
    private var acknowledgements: [UInt64] = []

    private enum CodingKeys: CodingKey {
        case notices, acknowledgements
    }

    init() {}

    init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: CodingKeys.self)
        self.notices = try container.decode(Deque<Notice>.self, forKey: .notices)
        self.acknowledgements = try container.decode([UInt64].self, forKey: .acknowledgements)
        self.byteCount = self.notices.reduce(0) { $0 + $1.body.readableBytes }
    }

    var isEmpty: Bool {
        self.notices.isEmpty && self.acknowledgements.isEmpty
    }

    mutating func append(_ body: ByteBuffer, isResponse: Bool) {
        self.byteCount += body.readableBytes
        self.notices.append(Notice(body: body, isResponse: isResponse))
        while self.notices.count > 1,
            self.notices.count > Self.maximumCount || self.byteCount > Self.maximumByteCount
        {
            self.byteCount -= self.notices.removeFirst().body.readableBytes
        }
    }

    /// Adds an identifier to the next `msgs_ack`.
    mutating func acknowledge(_ identifier: UInt64) {
        guard self.acknowledgements.count < PendingAcknowledgements.maximumCountPerMessage else { return }
        self.acknowledgements.append(identifier)
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
