// SPDX-License-Identifier: Apache-2.0

/// The official sample exchange, and vectors that continue it. Origin: *Creating an Authorization Key*, "Working with
/// samples", and for RSA_PAD, the padding before it and the binding values computed independently with the same inputs.
enum ExchangeVectors {
    static let nonce = bytes("15a084b3b9ca2a17f03925f44b78fe68")
    static let serverNonce = bytes("d6701fcd212ceb87c966e5318f5564a8")
    static let newNonce = bytes("845fad32d10a4c7967da49a89fbe508ad24aa3150992b499b3b2c72cdc0f364c")
    static let temporaryKey = "d32e4a7f18252ae2b0406b84633e1117833ed75bda40011d1e1700e3e08a8ae7"
    static let temporaryVector = "4ffc40d969d49934ed3740ff66d9179947a5e1d85c4c7f15555920c1845fad32"

    /// encrypted_answer of server_DH_params_ok, 592 bytes.
    static let encryptedAnswer = bytes(
        """
        fef627ac3a88027bc6583f95d82e610066a87b839614ee343cd8d37f2b2c81fc
        964561ba164f44e4b3c39a6cc74c6e2f2687c2e5872658e4301734b3814d420c
        684d94c0b93c4b335dbb346266cdad20b3eec91ae49b59e130eab877fd03c07b
        a786da8eff7bddcb773e0c4c1c7c66fe5c5a39d32a76400d71fbd2a09d5bfdf3
        b3976f17c1da7fd77349cbd97ebc5217181541f43d8dedb3027dc3989623dcf8
        49ff391832f409903e7620ebbf7675cefa13cec90570bb0ee196c5bb67db169d
        b902c1192f67d9a74b1b9782ff02fd4db78c76117d6639a6ed87f5deb37ed492
        96f2c94ea835d0988a270749c3e6d1d0b0be88f3985d683e48f2e2ac7648175e
        e72bea1b52641c23ec8eefbd6025516e91cce20c25cb5159b5c9d9ca19a15dd4
        a44f422946b758ec4c968bde0832e2389d5b9f3c3ac520ac58753747717f7276
        a7df3ff841a7abd18524a3150f537471f73a9818097e82d9645a9ce38f858d51
        0ffc79ce11d96173c22dde2b0ae490b8cc7b10bcc7bb8879027872e724dcc648
        ddf7ae6f14c3229e7d611463e513d38be913d0d50e9d439337c0fd8d71c9ef70
        c602a47173d699308216c7c44c40615bf8e9806a5dfa56f4529ad70e784c1904
        a9488a019a6c7ab7d822a9a6926a1916891302c1827ce54e9d8829ee079d1973
        0dfeba218d317eb4f22a2418ef9343da75131fc6f37a80d5eeb93309711244ae
        3a1d4ca1906f10b4f06c8f9bf547a6fea9a8d0cc910b15e7da9a0acf0c2e7934
        f7a7dba8effe4d135dbd207c609bfc3bac89ba949ddf754879712f6b97c50a54
        f560d0a75da8a078a039f21bca129fcb
        """
    )

    /// dh_prime.
    static let prime = bytes(
        """
        c71caeb9c6b1c9048e6c522f70f13f73980d40238e3e21c14934d037563d930f
        48198a0aa7c14058229493d22530f4dbfa336f6e0ac925139543aed44cce7c37
        20fd51f69458705ac68cd4fe6b6b13abdc9746512969328454f18faf8c595f64
        2477fe96bb2a941d5bcd1d4ac8cc49880708fa9b378e3c4f3a9060bee67cf9a4
        a4a695811051907e162753b56b0f6b410dba74d8a84b2a14b3144e0ef1284754
        fd17ed950d5965b4b9dd46582db1178d169c6bc465b0d6ff9ca3928fef5b9ae4
        e418fc15e83ebea0f87fa9ff5eed70050ded2849f47bf959d956850ce929851f
        0d8115f635b105ee2e4e15d04b2454bf6f4fadf034b10403119cd8e3b92fcc5b
        """
    )

    /// g_a.
    static let serverPublicValue = bytes(
        """
        9828b2e4caec188bb94216f5e2db632a17630a21fd00c67465e741d26137c8e2
        b757f349d8dd1b62b601642acb9e3b390abf153d3a11615a128ed1d79379d763
        c14d2df5cef99c96945c51290c1fd82c4b482078863b2bc7022c7886c21c0f1d
        24814c768321c05934303e50ae22cbc83f2a3994bbc3c72e77bf10cdb695cbd8
        6655d1bc0a083551e59d0fbfcfa13825a182105a78da35af5a15c064275b6e67
        29049c84209b898675c9110adcd1cbb2aab333c05d3e9f70d05fee7c54efce92
        7e1b40a719d04d15c7e950eb885e60aaae990231719dbddd84c65b2f3a606fe1
        f78dea7c8fad25c1cd7876eb6f5a46270b82d549e31edd3c2dc2f82970a4999c
        """
    )

    /// b.
    static let clientSecret = bytes(
        """
        a521c97b9d210812c56055c62fe8c3ce7fc97a75e51d4428f78f7d5f7325fce0
        3ff70d99039502fb75059dc40e36cf4f4d7a073937cc6dbc86ab864e7b3f26ef
        e833f766856033931bc41f031507dd571fcfebb28f1b3df1577a90c25b95c568
        94aab64c681961ac68afa9aadf03752d0e26eadd645a02d7895b64846eb83b3d
        dd458d856870cd8c0765b985c1ed50d5d802dde67b159c899898a9b738d17802
        f3d50b83a868738d8502bbe33b8d7fbc3348e3e444352816fd84d300a2a8e211
        7cac0eaec654235183187d85548791bf25abfd1ac97eab7fa685f67a57e7bbe4
        7b96a99b8f34b8eb523c18aee074eabacb6fa9a28a41f4f961f41d86b19f4ec1
        """
    )

    /// g_b.
    static let clientPublicValue = bytes(
        """
        a0bb357c5a5fbc4ec9d8b2171c030cb68a693a8024cd9e3630bae4ce000a14a5
        dbf8a40dfb322678a797ed3d591032d0a1c529be4e76b7ebd5436e7bf7539a9a
        b5a5fe9dd62f37cae704efe0c10dd608e5d9554f7b2f7198e99ce29a9a86cce0
        fbb1491eba269deb6aa20c5cb2134e75e5c70a7c0e7d47ee16f87189d135edae
        37ead992063c11aea4ac660cf3ebe61b6c21adaac2a9317120a6f4d1da65978f
        a74bf94cc65a0ca2479d064906e78575049e7654d346ca576c6778f478cdb48f
        ca2fd9202e6e5f95fef623a206207afb41619c419357b49f4f8825b37ef7e748
        11fba22bdf45730f423793c5049514363232f3358bc5f60a416bdce7d7bbfb49
        """
    )

    /// encrypted_data of set_client_DH_params, 336 bytes.
    static let encryptedClientData = bytes(
        """
        79ca5b557095ad847c53d6308a38b62fc9a6f2356c07f298d21c9b0db4002d90
        c4c0fb9c72626f9f146b4e3a81f59ed5cc6a0b4f59bc7411cdca6bda8c27b6c3
        b6db548f076bb6ccb6791db116e6368c7328ba21212121446ce754ec118cf380
        ed0cb0d798418ce54d7f68fcae7af146f4f8df31f98794ff6ee06c35de10a865
        18434a9f83cdc05fd5b151a50f63ad87d8529d7aa032498af9c17c6f02e7ee1e
        8733f5752186880fa475f2977c7f00e1d8384e20613971f98efd81a3c6bfb3b8
        f97969fb39d172527961341bbfdc9d2895306365a52f2cb9087c122e53990800
        bd596e05aa25a5642996afb43061178a580f21e3c47080418b4cf0b6b10fc0c7
        8595d486b3a3dd401d1bf37257c2584bfd5d71a708b138a6e22f853e522696aa
        6d1a8532461abaea7935a975e3c978a7a00c792cb3adf688d0b1480c6c016b04
        cd1bc36546cd9acabaa0c84db571749b
        """
    )

    /// auth_key.
    static let authorizationKey = bytes(
        """
        77379866d71627e6c3635361f9681b03c9ee8a7aab9552ef513a13315eabc18a
        118ed649614ae1f01dab8f71d83341309c5999ad4889e5d9f3e911aaad00d9dd
        c24273d7b97dd92151f969242f347c8f9d5de44e8d7e87a69c2ae1757f5ecd20
        aafc586edd34c89ac8d5b8f7c9eb33a0c7f06a69632bceb8de03e336e5af0332
        d4b1f52ba73fbe7a3a6fe8c2268c10b9357e5474a7cceb0e39fe3b4a92900cd0
        9af3c307d8fa90cb9da2ad35643fb0335bd0b7e6d30d1038741eb632e6a97b69
        2a1f76f418af74337d05539b59df1d4e16b7e0c87240595ddfd26037cdb7e70d
        b4b6c5cae532f49bc6974f6f46fd3cbdcd90ebb6795fd9a43421bcdf893d5c46
        """
    )

    /// p_q_inner_data_dc, 100 bytes.
    static let innerData = bytes(
        """
        955ff5a9081460e7d3fa727791000000043c2357cf0000000456bfb29f000000
        15a084b3b9ca2a17f03925f44b78fe68d6701fcd212ceb87c966e5318f5564a8
        845fad32d10a4c7967da49a89fbe508ad24aa3150992b499b3b2c72cdc0f364c
        02000000
        """
    )

    /// The 92 random bytes behind it.
    static let innerDataPadding = bytes(
        """
        5c3e7244f0896a34c58f66fc548b7a2d0a4153b5e703a8ff11fbf623b7e2f9ba
        25e3539490da77ceb9ab45a44f9d7d3cb5de7c0f69f0d5819112f5cacf06c964
        ae5d8bc3c727ac39a058681b8e80aab76bf06cd90fcbc2b7cfbf8135
        """
    )

    /// enc of RSA_PAD for the temporary key 00 … 1f, 224 bytes.
    static let sealedForTemporaryKey = bytes(
        """
        587f18e5ffa9d70958720c04d156c4dc33a49359b180965a403868c0c90cd8c3
        ce0bdcc07cd49072d13f1901b910e597532b34b4fe384180ab2d0d400599ef4a
        b6c731f2b1b5b5b520b7e8d75644b8c6eb931b3d81b6ada038dfc4fe8d3e9720
        cb117a5916e4dc80dbaaaa1907ef573e3a70523b71215b7903269a0af2b87596
        244575b154e8cb477564ea15be2ad4164cff73d07c6df1556537208ce792ff4c
        f804cba4d430618fe0506ac3d534016ab0f8073b54c936fa8010d885313c89ff
        7dc6ade7df46130afb73459ce785e96ae1a0a4de562480ee759db1694a3aaa47
        """
    )

    /// encrypted_data with the production key.
    static let encryptedForProduction = bytes(
        """
        c2d08707e8a710fbd2aa6bd42322a0328be2a01792271b93b9beb382b1f0d402
        40db2cb1ecd8fdcc38eb4f7dd3e39413db4c678e8dafb7c0fdf9b0a5319a8a8a
        6f9446b9d0e8d08cda04e18d199837fea3e95a880448ba52206828936e60df11
        f3c087de83a6494bee94c1e565e214e7d1e6576f30a0533a0260afcbbe05c7f8
        b51e3712280b1fd97d69fdb5c6985e8504c322374acb9116e5da7822b7bcb7e9
        dd499a8fffc1688745e2422aa6f3fefd61778a816c6017117da5b73dd6ca54e6
        8bfa07965eae6fceb96165791c13fad0d6b08c33bc31edd7e53e332683df08b8
        bae19352fcaf4c56af085e01272ec5dbf67e6d04f511128c9fbc2f6b78ba3822
        """
    )

    /// p of the test key.
    static let firstPrime = bytes(
        """
        ef9863aeac0d27919495839cfcd29c0000ed567663d99586e55840f46a95b134
        33408628f2c8b7e733b0766f0dd28097c01ff0c8a0f5ab4726e2a4ad8b9fb250
        42cc0336c865f673715e3a50365a4bfb130125345b34e00a5474ddb5a5690f72
        e8e42833efbc3b4c5b41fcf30f9a6aee7a3b3793b61d5e0ae583f6083f36b075
        """
    )

    /// q of the test key.
    static let secondPrime = bytes(
        """
        effdf62bdc160f133defe6de969e0b937c2b0b53ac053641cb735249a4facc2c
        1806f0ed1b3d98ce0076a26065e621519ce82e5cee969a7c28e0dca150f5c327
        1ce55a6d20e34158ebedf749afb66701557aa711a3dc588f1340aa3d2ecc9817
        1ba5fa25d5b20d5b9fe6f7135d5108361364456c6fe7d56bc852142effc9312b
        """
    )

    /// n of the test key.
    static let testModulus = bytes(
        """
        e09cf510129e837b2bcf88253c01839e229c93f576fac3ce5169c49aefe8805a
        aea80fe99e7fc7bae995e51752a0e8070c152f9d72447bf818bf9b438b3abb26
        98dbc7928be86809721972422e7a738ea4b4a308079493fab5131bfbcec08063
        122682f436ea0963331607d8918c03cd5dd1d53f803f2cf1d6b11a2556ef66c0
        c62c709f1b56e7ef3fdffd793fea3fa15d258574e05de89535d288b7f4c64457
        a04c38a6bad2bed8e53026599a51a4538860d92684c117f581adbac62b0bab6c
        f8e761c842dab82293cbc7f6eefa301e613fb0e78c0a827253db2ede9915669d
        b2e0bafb54ec143ffda998f819cfb4e19e6fa30895517623c1c9dc372cd308a7
        """
    )

    /// encrypted_data with the test key.
    static let encryptedForTestKey = bytes(
        """
        6e12c83071b9285a71335d42185e02029ae72a6932dac08ded819ca417c602ae
        8afbdf91e304d03896c323c25d5226f06787c535aa23d58158fd17b9578df3a7
        f850fd634c4a9abd21e8e171c473661415c4e1dcb37c5e0a9ba39922e8c21b9c
        3c202897e03cfa8e830b11e3a7b05e10d77f87f96cf006efe3cd4c3f00b8f564
        ae748320ec9a978cf4bc9eb07d12260b8e21d37a1c85dd0d6a83c8fd29259b71
        51418cf930d9cba672c491a2ebf271e4388e94570d78a3750cd905e7652b40cb
        6efbb8448c9b64b09866fe5893454b91fb6f7a4d1531454d17224bc64028e4d9
        e7b17ea0df90535a862f0c760fb2d6ea3af63181e61bdad80c624634a268cd06
        """
    )

    /// p_q_inner_data, 96 bytes.
    static let legacyInnerData = bytes(
        """
        ec5ac983081460e7d3fa727791000000043c2357cf0000000456bfb29f000000
        15a084b3b9ca2a17f03925f44b78fe68d6701fcd212ceb87c966e5318f5564a8
        845fad32d10a4c7967da49a89fbe508ad24aa3150992b499b3b2c72cdc0f364c
        """
    )

    /// The same, with the padding before RSA_PAD.
    static let legacyEncrypted = bytes(
        """
        658829aaaadcecc11e82fa81784d6d64699f6bbfd1860812f5c35caebb3736af
        fe2d823ce4b3bd41ffbade9722f39ed582421bdb094f698d6cbdb8b8c62dfbd9
        fdf9b901dcdc56d8b64b723e836f5f168f2d7c9b9d09b3200179cfaf3ddffbbd
        9ec4a8698ae5a44560a038179598cd9beb5134f3efa7d06e557739bd8f3db17c
        a4733974ad3584f74a99919a25ca53b30337ba5929dd0b74310c3acad45ee80d
        9ec59980529f5b14481b001bedfe383d77fea49c91cea851d854e405ec355fe8
        bec6aeebdf4a3ad54aaf4ce21d6a82dd0557317534e337b052622a56af5db33f
        fd3cfe85aeefc94928d7fd224da9c4ff85778d113a89360524fd726eab4f1272
        """
    )

    /// bind_auth_key_inner, 40 bytes.
    static let bindingInner = bytes(
        """
        65f7a375080706050403020111121314151617188ae7a271969a9b1f00010203
        040506077d12ad65
        """
    )

    /// What is encrypted, 72 bytes without its padding.
    static let bindingPlaintext = bytes(
        """
        303132333435363738393a3b3c3d3e3f0400000000c1ab650000000028000000
        65f7a375080706050403020111121314151617188ae7a271969a9b1f00010203
        040506077d12ad65
        """
    )

    /// encrypted_message, 104 bytes.
    static let bindingEncrypted = bytes(
        """
        8ae7a271969a9b1f0743b068d952ca9e784a15208e4e19be0017d0a49aef848e
        13aaafb660a50d2b04093cb66c86e3f59a0bb64aaf0b6d707b4f6a9255496283
        91390ae455b10c3fcc5cdb13ace8832d0f47f01df20d3f1dc2266d4142671f23
        738b3d88173c8481
        """
    )
}
