// SPDX-License-Identifier: Apache-2.0

import MTProtoCrypto
import NIOCore

@testable import MTProtoSession

extension TLSample {
    static let getConfig = ByteBuffer(wireHex: "6b18f9c4")

    static let initConnection = InitConnection(
        apiIdentifier: 12_345,
        deviceModel: "Test",
        systemVersion: "1.0",
        applicationVersion: "0.1",
        systemLanguageCode: "en",
        languagePack: "",
        languageCode: "en",
        query: getConfig
    )

    private static let initConnectionLine = """
        initConnection#c1cd5ea9 {X:Type} flags:# api_id:int device_model:string system_version:string \
        app_version:string system_lang_code:string lang_pack:string lang_code:string \
        proxy:flags.0?InputClientProxy params:flags.1?JSONValue query:!X = X
        """

    private static func fullInitConnection() -> InitConnection {
        var value = Self.initConnection
        value.proxy = InputClientProxy(address: "proxy.example", port: 443)
        value.parameters = .object([JSONValue.Member(key: "tz_offset", value: .number(7200))])
        return value
    }

    private static let optionLine = """
        dcOption#18b7a10d flags:# ipv6:flags.0?true media_only:flags.1?true tcpo_only:flags.2?true \
        cdn:flags.3?true static:flags.4?true this_port_only:flags.5?true id:int ip_address:string port:int \
        secret:flags.10?bytes = DcOption
        """

    static let plainOption = DataCenterOption(identifier: 2, address: "149.154.167.51", port: 443)

    static func fullOption() -> DataCenterOption {
        var option = DataCenterOption(identifier: 1, address: "2001:b28:f23d:f001::a", port: 443, secret: [1, 2, 3])
        option.isIPv6 = true
        option.isMediaOnly = true
        option.isObfuscatedTCPOnly = true
        option.isCDN = true
        option.isStatic = true
        option.isThisPortOnly = true
        return option
    }

    static let configLine = """
        config#cc1a241e flags:# default_p2p_contacts:flags.3?true preload_featured_stickers:flags.4?true \
        revoke_pm_inbox:flags.6?true blocked_mode:flags.8?true force_try_ipv6:flags.14?true date:int expires:int \
        test_mode:Bool this_dc:int dc_options:Vector<DcOption> dc_txt_domain_name:string chat_size_max:int \
        megagroup_size_max:int forwarded_count_max:int online_update_period_ms:int offline_blur_timeout_ms:int \
        offline_idle_timeout_ms:int online_cloud_timeout_ms:int notify_cloud_delay_ms:int \
        notify_default_delay_ms:int push_chat_period_ms:int push_chat_limit:int edit_time_limit:int \
        revoke_time_limit:int revoke_pm_time_limit:int rating_e_decay:int stickers_recent_limit:int \
        channels_read_media_period:int tmp_sessions:flags.0?int call_receive_timeout_ms:int \
        call_ring_timeout_ms:int call_connect_timeout_ms:int call_packet_timeout_ms:int me_url_prefix:string \
        autoupdate_url_prefix:flags.7?string gif_search_username:flags.9?string \
        venue_search_username:flags.10?string img_search_username:flags.11?string \
        static_maps_provider:flags.12?string caption_length_max:int message_length_max:int webfile_dc_id:int \
        suggested_lang_code:flags.2?string lang_pack_version:flags.2?int base_lang_pack_version:flags.2?int \
        reactions_default:flags.15?Reaction autologin_token:flags.16?string = Config
        """

    static func plainConfig() -> Config {
        Config(date: 1, expires: 2, isTest: true, thisDataCenter: 2, options: [Self.plainOption])
    }

    static func fullConfig() -> Config {
        var config = Self.plainConfig()
        config.options = [Self.plainOption, Self.fullOption()]
        config.usesPeerToPeerForContacts = true
        config.preloadsFeaturedStickers = true
        config.revokesPrivateInbox = true
        config.isBlocked = true
        config.forcesIPv6 = true
        config.dnsDomainName = "apv3.stel.com"
        config.temporarySessions = 2
        config.autoupdateURLPrefix = "https://update.example/"
        config.animationSearchUsername = "gif"
        config.venueSearchUsername = "foursquare"
        config.imageSearchUsername = "bing"
        config.staticMapsProvider = "telegram"
        config.suggestedLanguage = Config.SuggestedLanguage(code: "nl", version: 3, baseVersion: 4)
        config.defaultReaction = .emoji("👍")
        config.autologinToken = "token"
        return config
    }

    private static let json = JSONValue.array([
        .null, .bool(true), .bool(false), .number(-0.5), .string("text"), .array([]),
        .object([JSONValue.Member(key: "key", value: .object([]))]),
    ])

    static let api: [TLSample] = [
        TLSample(
            "invokeWithLayer#da9b0d0d {X:Type} layer:int query:!X = X",
            InvokeWithLayer(layer: 228, query: getConfig),
            openLength: 4
        ),
        TLSample(initConnectionLine, initConnection, openLength: 4),
        TLSample(initConnectionLine, fullInitConnection(), openLength: 4),
        TLSample(
            "inputClientProxy#75588b3f address:string port:int = InputClientProxy",
            InputClientProxy(address: "a", port: 1)
        ),
        TLSample(
            "invokeWithoutUpdates#bf9459b7 {X:Type} query:!X = X",
            InvokeWithoutUpdates(query: getConfig),
            openLength: 4
        ),
        TLSample(
            "invokeAfterMsg#cb9f372d {X:Type} msg_id:long query:!X = X",
            InvokeAfterMessage(messageIdentifier: 1, query: getConfig),
            openLength: 4
        ),
        TLSample(
            "invokeAfterMsgs#3dc4b4f0 {X:Type} msg_ids:Vector<long> query:!X = X",
            InvokeAfterMessages(messageIdentifiers: [1, 2], query: getConfig),
            openLength: 4
        ),
        TLSample("messageRange#0ae30253 min_id:int max_id:int = MessageRange", messageRange),
        TLSample(
            "invokeWithMessagesRange#365275f2 {X:Type} range:MessageRange query:!X = X",
            InvokeWithMessagesRange(range: messageRange, query: getConfig),
            openLength: 4
        ),
        TLSample(
            "invokeWithTakeout#aca9fd2e {X:Type} takeout_id:long query:!X = X",
            InvokeWithTakeout(takeoutIdentifier: -1, query: getConfig),
            openLength: 4
        ),
        TLSample("jsonNull#3f6d7b68 = JSONValue", JSONValue.null),
        TLSample("jsonBool#c7345e6a value:Bool = JSONValue", JSONValue.bool(true)),
        TLSample("jsonNumber#2be0dfa4 value:double = JSONValue", JSONValue.number(1.5)),
        TLSample("jsonString#b71e767a value:string = JSONValue", JSONValue.string("é")),
        TLSample("jsonArray#f7444763 value:Vector<JSONValue> = JSONValue", json),
        TLSample("jsonObject#99c1d49d value:Vector<JSONObjectValue> = JSONValue", JSONValue.object([member])),
        TLSample("jsonObjectValue#c0de1bd9 key:string value:JSONValue = JSONObjectValue", member),
        TLSample("help.getConfig#c4f9186b = Config", HelpGetConfig()),
        TLSample("help.getNearestDc#1fb33026 = NearestDc", HelpGetNearestDataCenter()),
        TLSample(
            "nearestDc#8e1a1775 country:string this_dc:int nearest_dc:int = NearestDc",
            NearestDataCenter(country: "NL", thisDataCenter: 2, nearestDataCenter: 4)
        ),
        TLSample("help.getCdnConfig#52029342 = CdnConfig", HelpGetCDNConfig()),
        TLSample(
            "cdnConfig#5725e40a public_keys:Vector<CdnPublicKey> = CdnConfig",
            CDNConfig(publicKeys: [CDNPublicKey(dataCenter: 203, publicKey: "PEM")])
        ),
        TLSample(
            "cdnPublicKey#c982eaba dc_id:int public_key:string = CdnPublicKey",
            CDNPublicKey(dataCenter: 203, publicKey: "PEM")
        ),
        TLSample(
            "updateDcOptions#8e5e9873 dc_options:Vector<DcOption> = Update",
            UpdateDataCenterOptions(options: [plainOption, fullOption()])
        ),
        TLSample(optionLine, plainOption),
        TLSample(optionLine, fullOption()),
        TLSample(configLine, plainConfig()),
        TLSample(configLine, fullConfig()),
        TLSample("reactionEmpty#79f5d419 = Reaction", Reaction.empty),
        TLSample("reactionEmoji#1b2286b8 emoticon:string = Reaction", Reaction.emoji("👍")),
        TLSample(
            "reactionCustomEmoji#8935fc73 document_id:long = Reaction",
            Reaction.customEmoji(documentIdentifier: -1)
        ),
        TLSample("reactionPaid#523da4eb = Reaction", Reaction.paid),
        TLSample(
            "help.configSimple#5a592a6c date:int expires:int rules:vector<AccessPointRule> = help.ConfigSimple",
            ConfigSimple(date: 1, expires: 2, rules: [rule])
        ),
        TLSample(
            "accessPointRule#4679b65f phone_prefix_rules:string dc_id:int ips:vector<IpPort> = AccessPointRule",
            rule
        ),
        TLSample("ipPort#d433ad73 ipv4:int port:int = IpPort", IPPort(address: 0x7f00_0001, port: 443)),
        TLSample(
            "ipPortSecret#37982646 ipv4:int port:int secret:bytes = IpPort",
            IPPort(address: 0xffff_ffff, port: 443, secret: [])
        ),
        TLSample("updatesTooLong#e317af7e = Updates", UpdatesTooLong()),
        TLSample("true#3fedd339 = True", True()),
        TLSample("null#56730bcc = Null", Null()),
    ]

    private static let messageRange = MessageRange(minimumIdentifier: 1, maximumIdentifier: 2)
    private static let member = JSONValue.Member(key: "tz_offset", value: .number(7200))
    private static let rule = AccessPointRule(
        phonePrefixRules: "+7",
        dataCenter: 2,
        addresses: [IPPort(address: 1, port: 2), IPPort(address: 3, port: 4, secret: [5])]
    )
}
