// SPDX-License-Identifier: Apache-2.0

import NIOCore
import Testing

@testable import MTProtoSession

@Suite struct ConfigTests {
    /// `config#232566ac` has these fields more than the current one; `config#330b4067` is it without the reaction.
    private static let oldLine = """
        config#232566ac flags:# date:int expires:int test_mode:Bool this_dc:int dc_options:Vector<DcOption> \
        dc_txt_domain_name:string chat_size_max:int megagroup_size_max:int forwarded_count_max:int \
        online_update_period_ms:int offline_blur_timeout_ms:int offline_idle_timeout_ms:int \
        online_cloud_timeout_ms:int notify_cloud_delay_ms:int notify_default_delay_ms:int \
        push_chat_period_ms:int push_chat_limit:int saved_gifs_limit:int edit_time_limit:int \
        revoke_time_limit:int revoke_pm_time_limit:int rating_e_decay:int stickers_recent_limit:int \
        stickers_faved_limit:int channels_read_media_period:int tmp_sessions:flags.0?int \
        pinned_dialogs_count_max:int pinned_infolder_count_max:int call_receive_timeout_ms:int \
        call_ring_timeout_ms:int call_connect_timeout_ms:int call_packet_timeout_ms:int me_url_prefix:string \
        autoupdate_url_prefix:flags.7?string gif_search_username:flags.9?string \
        venue_search_username:flags.10?string img_search_username:flags.11?string \
        static_maps_provider:flags.12?string caption_length_max:int message_length_max:int webfile_dc_id:int \
        suggested_lang_code:flags.2?string lang_pack_version:flags.2?int base_lang_pack_version:flags.2?int \
        reactions_default:flags.15?Reaction = Config
        """

    @Test func olderLinesHaveTheirNumbers() {
        let line = TLSample(Self.oldLine, True())
        #expect(line.computedConstructor() == Config.Edition.layer145.rawValue)
        let older = TLSample(Self.oldLine.replacing("reactions_default:flags.15?Reaction ", with: ""), True())
        #expect(older.computedConstructor() == Config.Edition.earlier.rawValue)
    }

    @Test(
        arguments: [
            (nil, Config.Edition.current), (228, .current), (158, .current), (157, .layer145), (152, .layer145),
            (145, .layer145), (144, .earlier), (0, .earlier), (-1, .earlier), (.max, .current),
        ] as [(Int32?, Config.Edition)]
    )
    func editionsFollowTheLayer(layer: Int32?, edition: Config.Edition) {
        #expect(Config.Edition(layer: layer) == edition)
    }

    @Test(arguments: Config.Edition.allCases, [TLSample.plainConfig(), TLSample.fullConfig()])
    func everyEditionIsReadAgain(edition: Config.Edition, config: Config) throws {
        var expected = config
        if edition != .current { expected.autologinToken = nil }
        if edition == .earlier { expected.defaultReaction = nil }
        let bytes = config.serialized(edition: edition)
        #expect(bytes.tlConstructor == edition.rawValue)
        #expect(try Config(bytes) == expected)
        for length in 0..<bytes.readableBytes {
            #expect(throws: TLError.self) { try Config(bytes.prefix(length)) }
        }
    }

    @Test func olderEditionsHaveFourNumbersMore() {
        let config = TLSample.plainConfig()
        let current = config.serialized().readableBytes
        #expect(config.serialized(edition: .layer145).readableBytes == current + 16)
        #expect(config.serialized(edition: .earlier).readableBytes == current + 16)
    }

    /// The first fields, which clients of all layers need, at their places.
    @Test func beginningOfTheOldestEdition() {
        let bytes = TLSample.plainConfig().serialized(edition: .earlier)
        let begin = "67400b33 00000000 01000000 02000000 b5757299 02000000 15c4b51c 01000000 0da1b718"
        #expect(bytes.prefix(36).wireHex == ByteBuffer(wireHex: begin).wireHex)
    }
}
