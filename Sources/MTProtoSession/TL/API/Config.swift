// SPDX-License-Identifier: Apache-2.0

/// What a data centre tells a client about itself and the others.
///
/// `config#cc1a241e … = Config`, and the two older constructors that clients of earlier layers know: see ``Edition``.
/// Only the addresses and the clock concern the transport; the other values have the defaults that clients expect.
///
/// Specification: *TL schema of the API*.
public struct Config: TLBoxed, Hashable {
    /// The constructors of `Config`, by their numbers.
    ///
    /// A client answers an unknown constructor with a failure, so a server writes the one of the client's layer.
    public enum Edition: UInt32, CaseIterable, Sendable {
        /// `config#cc1a241e`: layer 158 and later.
        case current = 0xcc1a_241e
        /// `config#232566ac`: layers 145 to 157.
        case layer145 = 0x2325_66ac
        /// `config#330b4067`: earlier layers.
        case earlier = 0x330b_4067

        /// The constructor that a client of a layer knows; nil means a client that has not named its layer.
        public init(layer: Int32?) {
            switch layer {
            case nil, .some(158...): self = .current
            case .some(145...): self = .layer145
            default: self = .earlier
            }
        }
    }

    /// A language pack that the server suggests.
    public struct SuggestedLanguage: Hashable, Sendable {
        /// The language.
        public var code: String
        /// The version of its pack.
        public var version: Int32
        /// The version of the pack that it is based on.
        public var baseVersion: Int32

        /// Makes the value from its fields.
        public init(code: String, version: Int32, baseVersion: Int32) {
            self.code = code
            self.version = version
            self.baseVersion = baseVersion
        }
    }

    /// Calls with contacts go peer to peer by default.
    public var usesPeerToPeerForContacts = false
    /// Featured stickers are loaded ahead.
    public var preloadsFeaturedStickers = false
    /// Incoming private messages may be deleted for both sides.
    public var revokesPrivateInbox = false
    /// Telegram is probably blocked here.
    public var isBlocked = false
    /// IPv6 options are to be tried first.
    public var forcesIPv6 = false
    /// The server's clock, seconds since 1970.
    public var date: Int32
    /// When to ask again, seconds since 1970.
    public var expires: Int32
    /// Whether this is a test data centre.
    public var isTest: Bool
    /// The data centre that answers. A client that believes to be in another one asks again and again.
    public var thisDataCenter: Int32
    /// The addresses of all data centres.
    public var options: [DataCenterOption]
    /// The domain whose TXT records hold a ``ConfigSimple``.
    public var dnsDomainName = ""
    /// The most members of a basic group.
    public var chatSizeMaximum: Int32 = 200
    /// The most members of a supergroup.
    public var megagroupSizeMaximum: Int32 = 200_000
    /// The most messages forwarded at once.
    public var forwardedCountMaximum: Int32 = 100
    /// Milliseconds between reports of being online.
    public var onlineUpdatePeriod: Int32 = 210_000
    /// Milliseconds until a client in the background counts as offline.
    public var offlineBlurTimeout: Int32 = 5000
    /// Milliseconds until an idle client counts as offline.
    public var offlineIdleTimeout: Int32 = 30_000
    /// Milliseconds of another client's activity that hold notifications back.
    public var onlineCloudTimeout: Int32 = 300_000
    /// Milliseconds of delay while another client is online.
    public var notifyCloudDelay: Int32 = 30_000
    /// Milliseconds of delay otherwise.
    public var notifyDefaultDelay: Int32 = 1500
    /// Not used by clients.
    public var pushChatPeriod: Int32 = 60_000
    /// Not used by clients.
    public var pushChatLimit: Int32 = 2
    /// Seconds in which a message may be edited.
    public var editTimeLimit: Int32 = 172_800
    /// Seconds in which a group message may be revoked.
    public var revokeTimeLimit: Int32 = .max
    /// Seconds in which a private message may be revoked.
    public var revokePrivateTimeLimit: Int32 = .max
    /// Seconds of the exponential decay of top peer ratings.
    public var ratingDecay: Int32 = 2_419_200
    /// The most recent stickers.
    public var recentStickersLimit: Int32 = 200
    /// Seconds after which media of channels count as read.
    public var channelsReadMediaPeriod: Int32 = 604_800
    /// How many connections to open at once for files.
    public var temporarySessions: Int32?
    /// Milliseconds until a call must be received.
    public var callReceiveTimeout: Int32 = 20_000
    /// Milliseconds until a ringing call is missed.
    public var callRingTimeout: Int32 = 90_000
    /// Milliseconds until a call must connect.
    public var callConnectTimeout: Int32 = 30_000
    /// Milliseconds without packets that end a call.
    public var callPacketTimeout: Int32 = 10_000
    /// The beginning of links to users and messages.
    public var linkPrefix = "https://t.me/"
    /// Where updates of the client come from.
    public var autoupdateURLPrefix: String?
    /// The bot that finds animations.
    public var animationSearchUsername: String?
    /// The bot that finds venues.
    public var venueSearchUsername: String?
    /// The bot that finds images.
    public var imageSearchUsername: String?
    /// Who serves map images.
    public var staticMapsProvider: String?
    /// The most characters of a caption.
    public var captionLengthMaximum: Int32 = 1024
    /// The most characters of a message.
    public var messageLengthMaximum: Int32 = 4096
    /// The data centre that serves files of the web.
    public var webFileDataCenter: Int32 = 4
    /// The language pack to use.
    public var suggestedLanguage: SuggestedLanguage?
    /// The default reaction; layer 145 and later.
    public var defaultReaction: Reaction?
    /// A token for links that log in; layer 158 and later.
    public var autologinToken: String?

    /// Makes a configuration in which everything but the given has its default.
    public init(date: Int32, expires: Int32, isTest: Bool, thisDataCenter: Int32, options: [DataCenterOption]) {
        self.date = date
        self.expires = expires
        self.isTest = isTest
        self.thisDataCenter = thisDataCenter
        self.options = options
    }
}
