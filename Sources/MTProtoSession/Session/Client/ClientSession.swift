// SPDX-License-Identifier: Apache-2.0

public import MTProtoCrypto
internal import MTProtoTransport
internal import NIOCore

/// The client's side of an encrypted session: queries go in, payloads come out; payloads go in, events come out.
///
/// A pure state machine. It opens no socket, starts no timer and reads no clock: its driver tells it the time with each
/// event, and
///
/// - calls ``connectionOpened(at:isWatched:)`` and ``connectionClosed(at:)`` as connections come and go,
/// - after each call of any method sends what ``nextPayload(at:)`` returns until it returns nil,
/// - passes what arrives to ``receive(_:at:)`` and ``receiveQuickAck(_:)``,
/// - calls ``deadlineReached(at:unsentByteCount:)`` at ``nextDeadline``.
///
/// The session outlives connections. Queries without an answer are sent again on the next one in such a way that the server
/// executes none twice: under their old identifier in a container while they are young, after asking the server what it
/// has received otherwise. A query ends as ``SessionError/Code/deliveryUnknown`` rather than being repeated on a guess.
///
/// One exception is the protocol's own: a server that forgets a session says so by `new_session_created`, and then expects
/// every query sent before to come again. It may have executed some of them before it forgot. Queries for which that is
/// worse than no answer are asked with `repeatsWhenForgotten: false`.
///
/// Specification: *Mobile Protocol: Detailed Description*, *Service Messages*, *Service Messages about Messages*, *Security
/// Guidelines for Client Developers*.
public struct ClientSession: ~Copyable, Sendable {
    /// A query given to the session. Never reused within it.
    public struct Query: Hashable, Sendable, CustomStringConvertible {
        let number: UInt64

        /// The number of the query, counted from 1.
        public var description: String { "query \(self.number)" }
    }

    /// What the session was configured with.
    public let configuration: Configuration
    /// The identifier of the session. It changes when the session restarts.
    public internal(set) var sessionIdentifier: UInt64

    let authorizationKey: AuthorizationKey
    let random: RandomSource

    var generator = MessageIdentifierGenerator(role: .client)
    var sequence = SequenceNumberCounter()
    var received: ReceivedMessageWindow
    var acknowledgements: PendingAcknowledgements
    /// Whether a deadline has told the driver of the acknowledgements that are due, so that it need not tell again.
    var areAcknowledgementsAnnounced = false
    var salts: SaltStore
    var time: TimeSynchronization
    /// How many payloads were certainly received for the first time. What a repeated one says is nothing that the server says now.
    package internal(set) var newPayloadCount: UInt64 = 0
    var queries = QueryTable()
    var serviceLine = ServiceLine()
    var sent = SentMessages()
    var link = LinkMonitor()
    var quickAcknowledgements = QuickAcknowledgements()
    var packer: ContainerPacker
    /// The queries of the payload being put together.
    var packed: [UInt64] = []
    /// Events that arose while no event could be returned.
    var pendingEvents: [ClientSessionEvent] = []
    var saltRequest = SaltRequestSchedule()
    /// Whether acknowledgements no longer wait for company: the connection is about to close.
    var acknowledgesAtOnce = false
    /// Whether payloads are requests of HTTP, which overtake each other on their connections.
    var travelsInRequests = false
    /// When to ask the server about queries that wait long, in monotonic nanoseconds.
    var stateCheckDue: Int64?

    /// How many bytes the objects of the payload at hand may still unpack to.
    var unpackBudget = 0

    /// How many messages that could not be read were dropped.
    public internal(set) var unreadableMessageCount: UInt64 = 0

    /// Makes a session that is not connected yet.
    ///
    /// - Parameters:
    ///   - authorizationKey: The key that encrypts the session.
    ///   - sessionIdentifier: A random identifier, new for each run.
    ///   - salts: The salts known. Without any, the server's first answer brings one.
    ///   - timeOffsetNanoseconds: The server's clock minus the local wall clock, from the key exchange or a saved session;
    ///     nil if unknown: the first answer tells it.
    ///   - configuration: Limits and times.
    ///   - random: The source of ping identifiers, padding and session identifiers.
    public init(
        authorizationKey: AuthorizationKey,
        sessionIdentifier: UInt64,
        salts: [ServerSalt] = [],
        timeOffsetNanoseconds: Int64? = nil,
        configuration: Configuration = Configuration(),
        random: RandomSource = .system
    ) {
        self.authorizationKey = authorizationKey
        self.sessionIdentifier = sessionIdentifier
        self.configuration = configuration
        self.random = random
        self.salts = SaltStore(salts)
        self.time = TimeSynchronization(offsetNanoseconds: timeOffsetNanoseconds)
        self.received = ReceivedMessageWindow(capacity: configuration.receivedWindowCapacity)
        self.acknowledgements = PendingAcknowledgements(
            maximumCount: configuration.maximumAcknowledgementCount,
            maximumDelay: configuration.acknowledgementDelay
        )
        self.packer = ContainerPacker(
            maximumCount: configuration.maximumContainerCount,
            maximumByteCount: configuration.maximumContainerByteCount
        )
    }

    /// Makes a session from a saved state, under a new random identifier.
    public init(saved: SavedSession, configuration: Configuration = Configuration(), random: RandomSource = .system) {
        self.init(
            authorizationKey: saved.authorizationKey,
            sessionIdentifier: random.integer(UInt64.self),
            salts: saved.salts,
            timeOffsetNanoseconds: saved.timeOffsetNanoseconds,
            configuration: configuration,
            random: random
        )
    }

    /// What to save for a later run.
    public var state: SavedSession {
        SavedSession(
            authorizationKey: self.authorizationKey,
            salts: self.salts.salts,
            timeOffsetNanoseconds: self.time.offsetNanoseconds
        )
    }

    /// Whether a connection is open and not given up.
    public var isConnected: Bool {
        self.link.isOpen && !self.link.isDead
    }

    /// Whether the server's time is known well enough to refuse messages because of it.
    public var isTimeSynchronized: Bool {
        self.time.isSynchronized
    }

    /// The smoothed round-trip time of pings in nanoseconds; nil before the first answer to one.
    public var roundTripNanoseconds: Int64? {
        self.link.roundTripNanoseconds
    }

    /// Takes a hint of the server's time, like the `Date` of an HTTP response: anybody on the way could have written it, so
    /// that it counts only while ``isTimeSynchronized`` is false, and does not make it true. Nor does it lead the session more
    /// than 29 seconds ahead of its own idea of the time: identifiers never go back, and so far ahead every server takes them.
    ///
    /// - Parameters:
    ///   - unixSeconds: Seconds since 1970; outside of what a message identifier can tell, the hint is ignored.
    ///   - now: The time now.
    public mutating func noteServerTime(unixSeconds: Int64, at now: SessionTime) {
        self.time.note(unixSeconds: unixSeconds, at: now)
    }

    /// The server's time now in nanoseconds since 1970, as far as the session knows it.
    public mutating func serverNanoseconds(at now: SessionTime) -> Int64 {
        self.time.serverNanoseconds(at: now)
    }
}
