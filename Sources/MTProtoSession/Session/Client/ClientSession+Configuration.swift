// SPDX-License-Identifier: Apache-2.0

extension ClientSession {
    /// The limits and times of a session. The defaults suit a client of Telegram's servers.
    public struct Configuration: Sendable {
        /// How many queries may be unanswered, sent or waiting. Default 16 384.
        public var maximumQueryCount = 16_384
        /// How many bytes the unanswered queries may take. Default 64 MiB.
        public var maximumQueryByteCount = 64 << 20
        /// How many bytes one query may take. Default 16 MiB, the frame limit, less 4 KiB for all that goes around it.
        public var maximumSingleQueryByteCount = (16 << 20) - 4096
        /// How many queries may be sent and unanswered; more wait. Default 512: of the 1000 identifiers that a server
        /// remembers, enough are left for containers and service messages, so that it recognises each repeated query.
        public var maximumInFlightCount = 512
        /// How many bytes of queries may be sent and unanswered; more wait, but one query always goes. Default 8 MiB.
        public var maximumInFlightByteCount = 8 << 20
        /// How many messages go into a container. Default 1020.
        public var maximumContainerCount = 1020
        /// How many bytes a container of several messages takes. Default 32 KiB.
        public var maximumContainerByteCount = 32_768
        /// How large a compressed message may become unpacked. Default 16 MiB.
        public var maximumUnpackedByteCount = 16 << 20
        /// How large an answer may be that the server offers by `msg_detailed_info`. Default 16 MiB.
        public var maximumAnswerByteCount = 16 << 20
        /// More messages than this wait for their acknowledgement no longer. Default 16.
        public var maximumAcknowledgementCount = 16
        /// How long a received message waits for its acknowledgement. Default 30 s.
        public var acknowledgementDelay = Duration.seconds(30)
        /// How many identifiers of received messages are remembered against duplicates. Default 1000.
        public var receivedWindowCapacity = 1000
        /// How often to ping. Default 60 s; nil: never, not even on a new connection.
        public var keepAliveInterval: Duration? = .seconds(60)
        /// After how long without a ping the server is asked to close the connection. Default 75 s.
        public var disconnectDelay = Duration.seconds(75)
        /// How long a ping may go without anything coming back before the connection counts as dead, while no round trip is
        /// known. Default 15 s.
        public var pongTimeout = Duration.seconds(15)
        /// The least of that once a round trip is known: then it is four of them and a second. Default 5 s; no more than
        /// ``pongTimeout``.
        public var minimumPongTimeout = Duration.seconds(5)
        /// How long a query may be without an answer before the server is asked what became of it. Default 30 s.
        public var stateCheckDelay = Duration.seconds(30)
        /// Up to which age a message may be repeated under its identifier. Default 150 s, half of what servers accept.
        public var maximumRepeatedAge = Duration.seconds(150)
        /// How often the server may refuse one query before it fails. Default 5.
        public var maximumRejectionCount = 5
        /// How many salts to ask for at a time, 1…64. Default 32, which is 16 hours; 0: never ask.
        public var futureSaltCount = 32
        /// The pause between two requests for salts. Default 60 s, doubled up to 16 times while answers bring none.
        public var saltRequestInterval = Duration.seconds(60)
        /// Queries longer than this many bytes are compressed when that makes them shorter. Default 255; nil: none is.
        public var compressionThreshold: Int? = 255

        /// The defaults.
        public init() {}
    }
}
