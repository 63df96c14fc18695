// SPDX-License-Identifier: Apache-2.0

internal import NIOCore

/// The bytes of a query, or how to make them.
enum QueryContent: Sendable {
    case fixed(ByteBuffer)
    /// The body depends on the identifiers that it is sent under; `made` is what was sent under the current ones.
    case dependent(
        make: @Sendable (_ messageIdentifier: UInt64, _ sessionIdentifier: UInt64) -> ByteBuffer,
        made: ByteBuffer?
    )
}

/// A query that is not answered yet.
struct QueryRecord: Sendable {
    /// Where a query is on its way out.
    enum Phase: Sendable {
        /// In line, to be sent under a new identifier.
        case waiting
        /// Sent, and waiting for an answer.
        case sent
        /// Sent before and in line again, to be repeated in a container under the identifier it has.
        case repeating
    }

    var content: QueryContent
    /// The bytes that count towards the limits.
    var byteCount: Int
    let requestsQuickAck: Bool
    /// Whether it may go again to a server that confirmed it and has lost it since.
    let repeatsWhenForgotten: Bool
    var phase = Phase.waiting
    /// The identifier it was last sent under; 0 before that.
    var identifier: UInt64 = 0
    /// Monotonic nanoseconds of the first sending under it.
    var identifiedNanoseconds: Int64 = 0
    /// The identifier of the container in which it was last sent, or its own.
    var outerIdentifier: UInt64 = 0
    var sequenceNumber: Int32 = 0
    /// Identifiers it was sent under before. An answer may come for any of them.
    var formerIdentifiers: [UInt64] = []
    var delivery = DeliveryState.notDelivered
    var isAcknowledged = false
    /// Whether it left more than once under its identifier, so that a refusal of the last copy says nothing of the first.
    var isRepeated = false
    /// Whether its identifier was refused, so that it cannot be repeated under it.
    var needsNewIdentifier = false
    /// Whether it goes without a container, as it must when its size is not known before its identifier.
    var travelsAlone: Bool
    var isCancelled = false
    /// Whether it was sent under an earlier identifier without the server having refused it.
    var hasUncertainPast = false
    /// Whether the caller wants to hear the state when it arrives.
    var reportsState = false
    /// The connection it was last sent on.
    var connection: UInt64 = 0
    /// Monotonic nanoseconds of the last sending.
    var sentNanoseconds: Int64 = 0
    var rejectionCount: UInt8 = 0
    /// How often the server said that it has answered without the answer having come.
    var answeredReportCount: UInt8 = 0

    init(
        content: QueryContent,
        byteCount: Int,
        requestsQuickAck: Bool,
        travelsAlone: Bool,
        repeatsWhenForgotten: Bool = true
    ) {
        self.repeatsWhenForgotten = repeatsWhenForgotten
        self.content = content
        self.byteCount = byteCount
        self.requestsQuickAck = requestsQuickAck
        self.travelsAlone = travelsAlone
    }

    /// The body to send. One that depends on the identifier is made once for each identifier.
    mutating func body(messageIdentifier: UInt64, sessionIdentifier: UInt64) -> ByteBuffer {
        switch self.content {
        case .fixed(let body):
            return body
        case .dependent(let make, let made):
            if let made, messageIdentifier == self.identifier { return made }
            let body = make(messageIdentifier, sessionIdentifier)
            self.content = .dependent(make: make, made: body)
            return body
        }
    }

    /// Leaves the compression away.
    mutating func unpack() {
        guard case .fixed(let body) = self.content, let unpacked = try? GzipPacked.unwrap(body) else { return }
        self.content = .fixed(unpacked)
    }
}
