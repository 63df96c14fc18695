// SPDX-License-Identifier: Apache-2.0

public import MTProtoCrypto

extension TransportConnection {
    /// How a client speaks.
    public struct ClientConfiguration: Sendable {
        /// What obfuscation needs to know.
        public struct ObfuscationParameters: Hashable, Sendable {
            /// The data centre to name in the initialization payload. A proxy connects to it.
            public var dataCenter: DataCenterIdentifier
            /// The secret of the proxy or of the data centre option.
            public var secret: ProxySecret?

            /// Makes parameters.
            public init(dataCenter: DataCenterIdentifier, secret: ProxySecret? = nil) {
                self.dataCenter = dataCenter
                self.secret = secret
            }
        }

        /// The framing. Default: intermediate, as the design's table of defaults says.
        public var framing: Framing
        /// Obfuscation, or `nil` for none. Default: none. WebSockets and proxies need it.
        public var obfuscation: ObfuscationParameters?
        /// The longest payload to accept, in bytes. Default: 16 MiB, the limit of most clients.
        public var maximumPayloadLength: Int
        /// Draws the initialization payload and seeds the padding. Default: the system's generator.
        public var random: RandomSource

        /// Makes a configuration.
        public init(
            framing: Framing = .intermediate,
            obfuscation: ObfuscationParameters? = nil,
            maximumPayloadLength: Int = 16 * 1024 * 1024,
            random: RandomSource = .system
        ) {
            self.framing = framing
            self.obfuscation = obfuscation
            self.maximumPayloadLength = maximumPayloadLength
            self.random = random
        }
    }

    /// What a server accepts.
    public struct ServerConfiguration: Sendable {
        /// The secrets to try on an obfuscated connection, in order; `nil` among them accepts one without a secret.
        /// Default: only that.
        public var secrets: [ProxySecret?]
        /// The framings to accept. Default: all.
        public var framings: Set<Framing>
        /// Whether connections without obfuscation are accepted. Default: yes.
        public var isPlainAllowed: Bool
        /// Whether HTTP and TLS are told apart from obfuscated connections. Default: yes.
        ///
        /// Together with ``isPlainAllowed`` turned off, nothing is detected at all and the stream must begin with an
        /// initialization payload: right inside a WebSocket or FakeTLS, where that payload may begin with any bytes.
        public var isForeignDetected: Bool
        /// The longest payload to accept before ``TransportConnection/isAuthorized`` is set, in bytes.
        /// Default: 64 KiB, plenty for a key exchange.
        public var maximumPayloadLengthBeforeAuthorization: Int
        /// The longest payload to accept afterwards, in bytes. Default: 16 MiB.
        public var maximumPayloadLength: Int
        /// Seeds the padding. Default: the system's generator.
        public var random: RandomSource

        /// Makes a configuration.
        public init(
            secrets: [ProxySecret?] = [nil],
            framings: Set<Framing> = Set(Framing.allCases),
            isPlainAllowed: Bool = true,
            isForeignDetected: Bool = true,
            maximumPayloadLengthBeforeAuthorization: Int = 64 * 1024,
            maximumPayloadLength: Int = 16 * 1024 * 1024,
            random: RandomSource = .system
        ) {
            self.secrets = secrets
            self.framings = framings
            self.isPlainAllowed = isPlainAllowed
            self.isForeignDetected = isForeignDetected
            self.maximumPayloadLengthBeforeAuthorization = maximumPayloadLengthBeforeAuthorization
            self.maximumPayloadLength = maximumPayloadLength
            self.random = random
        }

        /// What the stream inside a WebSocket or FakeTLS must be: obfuscated, beginning with any bytes.
        public static func obfuscatedOnly(secrets: [ProxySecret?] = [nil]) -> ServerConfiguration {
            ServerConfiguration(secrets: secrets, isPlainAllowed: false, isForeignDetected: false)
        }
    }
}
