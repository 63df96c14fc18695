// SPDX-License-Identifier: Apache-2.0

extension ServerSession {
    /// What a server allows a session and when it repeats what was not acknowledged.
    public struct Configuration: Hashable, Sendable, Codable {
        /// How sequence numbers of received messages are checked.
        public enum SequenceNumberCheck: String, Hashable, Sendable, Codable {
            /// Not at all.
            case none
            /// Only that acknowledgements, containers and copies are even (34) and queries odd (35): what the clients in use keep.
            case parity
            /// In addition that numbers rise with identifiers (32, 33).
            case order
        }

        /// How many received message identifiers are remembered. Default 1000.
        public var duplicateWindowCapacity = 1000
        /// How sequence numbers are checked. Default ``SequenceNumberCheck/parity``.
        public var sequenceNumberCheck = SequenceNumberCheck.parity
        /// How many queries may be with the responder at once; the next are answered with `FLOOD_WAIT_1`, also when there
        /// would be no room for their answers (``maximumQueuedMessageCount``). Default 2048.
        public var maximumRunningQueryCount = 2048
        /// How many bytes the compressed objects of one payload may unpack to, together. Default 16 MiB.
        public var maximumInflatedByteCount = 1 << 24

        /// How long a content-related message may wait for its answer before it is acknowledged. Default 1 second.
        public var acknowledgementDelay = Duration.seconds(1)
        /// How long a sent message may lack its acknowledgement before it is repeated. Clients acknowledge after 30 to 120
        /// seconds. Default 150 seconds.
        public var resendInterval = Duration.seconds(150)
        /// More bytes than these are not repeated unasked but announced by `msg_detailed_info`. Default 32 KiB.
        public var largeMessageByteCount = 32_768

        /// How many messages may wait for sending or for acknowledgement; beyond, the oldest are dropped. Default 4096.
        public var maximumQueuedMessageCount = 4096
        /// How many bytes these may have together; the newest message stays in any case. Default 32 MiB.
        public var maximumQueuedByteCount = 1 << 25
        /// How long a message stays in the queue. Default 10 minutes.
        public var maximumQueuedAge = Duration.seconds(600)
        /// How long a session may be without a message although it counts connections or running queries: then the process
        /// that had them is taken to be gone. Default 2 hours, longer than any connection may be silent.
        public var maximumSilence = Duration.seconds(7200)

        /// Results longer than this many bytes are compressed when that makes them shorter. Default nil: none is, because it takes
        /// the event loop's time; data centres use about 512.
        public var compressionThreshold: Int?

        /// How many messages a container takes. Default 1020.
        public var maximumContainerCount = 1020
        /// How many bytes a container of several messages takes. Default 32 KiB.
        public var maximumContainerByteCount = 32_768
        /// How encrypted messages are padded.
        public var padding = MessagePadding.standard

        /// Makes the default configuration.
        public init() {}
    }
}

extension ServerSession.Configuration {
    /// Reads a configuration; what was not written has its default.
    public init(from decoder: any Decoder) throws {
        self.init()
        let container = try decoder.container(keyedBy: CodingKeys.self)
        func read<Value: Decodable>(_ value: inout Value, _ key: CodingKeys) throws {
            if let read = try container.decodeIfPresent(Value.self, forKey: key) { value = read }
        }
        try read(&self.duplicateWindowCapacity, .duplicateWindowCapacity)
        try read(&self.sequenceNumberCheck, .sequenceNumberCheck)
        try read(&self.maximumRunningQueryCount, .maximumRunningQueryCount)
        try read(&self.maximumInflatedByteCount, .maximumInflatedByteCount)
        try read(&self.acknowledgementDelay, .acknowledgementDelay)
        try read(&self.resendInterval, .resendInterval)
        try read(&self.largeMessageByteCount, .largeMessageByteCount)
        try read(&self.maximumQueuedMessageCount, .maximumQueuedMessageCount)
        try read(&self.maximumQueuedByteCount, .maximumQueuedByteCount)
        try read(&self.maximumQueuedAge, .maximumQueuedAge)
        try read(&self.maximumSilence, .maximumSilence)
        self.compressionThreshold = try container.decodeIfPresent(Int.self, forKey: .compressionThreshold)
        try read(&self.maximumContainerCount, .maximumContainerCount)
        try read(&self.maximumContainerByteCount, .maximumContainerByteCount)
        try read(&self.padding, .padding)
    }
}
