// SPDX-License-Identifier: Apache-2.0

extension FakeTLSHelloProfile {
    /// What TDLib sends, except on Apple's systems: like Chrome, 1710 bytes and the domain, or 32, 64 or 96 more. Which of
    /// these is drawn for each hello, as Chrome does; TDLib draws it once.
    ///
    /// Old proxies, the official source among them, take only ``compact`` and treat this hello as a stranger's: an ordinary TLS
    /// server answers.
    public static let chrome = FakeTLSHelloProfile(
        builtIn: """
            fake-tls-hello 1
            scope    # cipher suites
                grease 0
                bytes 1301 1302 1303 c02b c02f c02c c030 cca9 cca8 c013 c014 009c 009d 002f 0035
            end
            bytes 01 00    # compression: none
            scope    # extensions
                grease 2
                bytes 0000
                shuffle
                    part
                        bytes 0000    # server_name
                        scope
                            scope
                                bytes 00
                                scope
                                    domain
                                end
                            end
                        end
                    end
                    part
                        bytes 0005    # status_request
                        scope
                            bytes 01 0000 0000
                        end
                    end
                    part
                        bytes 000a    # supported_groups
                        scope
                            scope
                                grease 4
                                bytes 11ec 001d 0017 0018
                            end
                        end
                    end
                    part
                        bytes 000b    # ec_point_formats
                        scope
                            bytes 01 00
                        end
                    end
                    part
                        bytes 000d    # signature_algorithms
                        scope
                            bytes 0010 0403 0804 0401 0503 0805 0501 0806 0601
                        end
                    end
                    part
                        bytes 0010    # application_layer_protocol_negotiation: h2, http/1.1
                        scope
                            bytes 000c 02 6832 08 687474702f312e31
                        end
                    end
                    part
                        bytes 0012 0000    # signed_certificate_timestamp
                    end
                    part
                        bytes 0017 0000    # extended_master_secret
                    end
                    part
                        bytes 001b    # compress_certificate: brotli
                        scope
                            bytes 02 0002
                        end
                    end
                    part
                        bytes 0023 0000    # session_ticket
                    end
                    part
                        bytes 002b    # supported_versions
                        scope
                            bytes 06
                            grease 6
                            bytes 0304 0303
                        end
                    end
                    part
                        bytes 002d    # psk_key_exchange_modes
                        scope
                            bytes 01 01
                        end
                    end
                    part
                        bytes 0033    # key_share
                        scope
                            scope
                                grease 4
                                bytes 0001 00
                                bytes 11ec 04c0
                                mlkem768
                                x25519
                                bytes 001d 0020
                                x25519
                            end
                        end
                    end
                    part
                        bytes 44cd    # application_settings: h2
                        scope
                            bytes 0003 02 6832
                        end
                    end
                    part
                        bytes fe0d    # encrypted_client_hello
                        scope
                            bytes 00 0001 0001
                            random 1
                            bytes 0020
                            random 32
                            scope
                                random 144 176 208 240
                            end
                        end
                    end
                    part
                        bytes ff01    # renegotiation_info
                        scope
                            bytes 00
                        end
                    end
                end
                grease 3
                bytes 0001 00
                padding 517
            end
            """
    )

    /// What TDLib sends on Apple's systems: like Safari, with 28 or 42 bytes of cipher suites and one or two protocols, which
    /// are drawn once for the process. Old proxies do not take it, see ``chrome``.
    public static let safari = FakeTLSHelloProfile(
        builtIn: """
            fake-tls-hello 1
            choose once    # cipher suites
                part
                    scope
                        grease 0
                        bytes 1302 1301 1303 c02c c030 c02b cca9 c02f cca8 c00a c009 c014 c013
                    end
                end
                part
                    scope
                        grease 0
                        bytes 1302 1303 1301 c02c c02b cca9 c030 c02f cca8 c00a c009 c014 c013
                        bytes 009d 009c 0035 002f c008 c012 000a
                    end
                end
            end
            bytes 01 00    # compression: none
            scope    # extensions
                grease 2
                bytes 0000
                bytes 0000    # server_name
                scope
                    scope
                        bytes 00
                        scope
                            domain
                        end
                    end
                end
                bytes 0017 0000    # extended_master_secret
                bytes ff01    # renegotiation_info
                scope
                    bytes 00
                end
                bytes 000a    # supported_groups
                scope
                    scope
                        grease 4
                        bytes 11ec 001d 0017 0018 0019
                    end
                end
                bytes 000b    # ec_point_formats
                scope
                    bytes 01 00
                end
                bytes 0010    # application_layer_protocol_negotiation
                choose once
                    part
                        bytes 000b 0009 08 687474702f312e31
                    end
                    part
                        bytes 000e 000c 02 6832 08 687474702f312e31
                    end
                end
                bytes 0005    # status_request
                scope
                    bytes 01 0000 0000
                end
                bytes 000d    # signature_algorithms
                scope
                    bytes 0014 0403 0804 0401 0503 0805 0805 0501 0806 0601 0201
                end
                bytes 0012 0000    # signed_certificate_timestamp
                bytes 0033    # key_share
                scope
                    scope
                        grease 4
                        bytes 0001 00
                        bytes 11ec 04c0
                        mlkem768
                        x25519
                        bytes 001d 0020
                        x25519
                    end
                end
                bytes 002d    # psk_key_exchange_modes
                scope
                    bytes 01 01
                end
                bytes 002b    # supported_versions
                scope
                    bytes 06
                    grease 6
                    bytes 0304 0303
                end
                bytes 001b    # compress_certificate: zlib
                scope
                    bytes 02 0001
                end
                grease 3
                bytes 0001 00
            end
            """
    )

    /// The older hello of all official clients: 517 bytes, which every proxy accepts, those too that were written before
    /// hellos got longer.
    public static let compact = FakeTLSHelloProfile(
        builtIn: """
            fake-tls-hello 1
            scope    # cipher suites
                grease 0
                bytes 1301 1302 1303 c02b c02f c02c c030 cca9 cca8 c013 c014 009c 009d 002f 0035
            end
            bytes 01 00    # compression: none
            scope    # extensions
                grease 2
                bytes 0000
                bytes 0000    # server_name
                scope
                    scope
                        bytes 00
                        scope
                            domain
                        end
                    end
                end
                bytes 0017 0000    # extended_master_secret
                bytes ff01    # renegotiation_info
                scope
                    bytes 00
                end
                bytes 000a    # supported_groups
                scope
                    scope
                        grease 4
                        bytes 001d 0017 0018
                    end
                end
                bytes 000b    # ec_point_formats
                scope
                    bytes 01 00
                end
                bytes 0023 0000    # session_ticket
                bytes 0010    # application_layer_protocol_negotiation: h2, http/1.1
                scope
                    bytes 000c 02 6832 08 687474702f312e31
                end
                bytes 0005    # status_request
                scope
                    bytes 01 0000 0000
                end
                bytes 000d    # signature_algorithms
                scope
                    bytes 0010 0403 0804 0401 0503 0805 0501 0806 0601
                end
                bytes 0012 0000    # signed_certificate_timestamp
                bytes 0033    # key_share
                scope
                    scope
                        grease 4
                        bytes 0001 00
                        bytes 001d 0020
                        x25519
                    end
                end
                bytes 002d    # psk_key_exchange_modes
                scope
                    bytes 01 01
                end
                bytes 002b    # supported_versions
                scope
                    bytes 06
                    grease 6
                    bytes 0304 0303
                end
                bytes 001b    # compress_certificate: brotli
                scope
                    bytes 02 0002
                end
                grease 3
                bytes 0001 00
                padding 517
            end
            """
    )

    private init(builtIn text: String) {
        do {
            try self.init(text: text)
        } catch {
            preconditionFailure("a built-in profile is wrong: \(error)")
        }
    }
}
