// SPDX-License-Identifier: Apache-2.0

import MTProtoCrypto
import NIOCore

@testable import MTProtoSession

extension TLSample {
    static let nonce = Bytes16(ByteBuffer(wireHex: "15a084b3b9ca2a17f03925f44b78fe68").readableBytesView) ?? Bytes16()
    static let serverNonce =
        Bytes16(ByteBuffer(wireHex: "d6701fcd212ceb87c966e5318f5564a8").readableBytesView) ?? Bytes16()
    static let newNonce =
        Bytes32(
            ByteBuffer(wireHex: "845fad32d10a4c7967da49a89fbe508ad24aa3150992b499b3b2c72cdc0f364c").readableBytesView
        ) ?? Bytes32()
    static let product: [UInt8] = [0x14, 0x60, 0xe7, 0xd3, 0xfa, 0x72, 0x77, 0x91]
    static let p: [UInt8] = [0x3c, 0x23, 0x57, 0xcf]
    static let q: [UInt8] = [0x56, 0xbf, 0xb2, 0x9f]

    static func innerData(dataCenter: Int32?, expiresIn: Int32?) -> PQInnerData {
        PQInnerData(
            product: Self.product,
            p: Self.p,
            q: Self.q,
            nonce: Self.nonce,
            serverNonce: Self.serverNonce,
            newNonce: Self.newNonce,
            dataCenter: dataCenter,
            expiresIn: expiresIn
        )
    }

    static let keyExchange: [TLSample] = [
        TLSample("req_pq_multi#be7e8ef1 nonce:int128 = ResPQ", RequestPQMulti(nonce: nonce)),
        TLSample("req_pq#60469778 nonce:int128 = ResPQ", RequestPQ(nonce: nonce)),
        TLSample(
            """
            resPQ#05162463 nonce:int128 server_nonce:int128 pq:string \
            server_public_key_fingerprints:Vector<long> = ResPQ
            """,
            ResultPQ(nonce: nonce, serverNonce: serverNonce, product: product, fingerprints: [1, .max])
        ),
        TLSample(
            """
            p_q_inner_data_dc#a9f55f95 pq:string p:string q:string nonce:int128 server_nonce:int128 \
            new_nonce:int256 dc:int = P_Q_inner_data
            """,
            innerData(dataCenter: -10_002, expiresIn: nil)
        ),
        TLSample(
            """
            p_q_inner_data_temp_dc#56fddf88 pq:string p:string q:string nonce:int128 server_nonce:int128 \
            new_nonce:int256 dc:int expires_in:int = P_Q_inner_data
            """,
            innerData(dataCenter: 2, expiresIn: 86_400)
        ),
        TLSample(
            """
            p_q_inner_data#83c95aec pq:string p:string q:string nonce:int128 server_nonce:int128 \
            new_nonce:int256 = P_Q_inner_data
            """,
            innerData(dataCenter: nil, expiresIn: nil)
        ),
        TLSample(
            """
            p_q_inner_data_temp#3c6a84d4 pq:string p:string q:string nonce:int128 server_nonce:int128 \
            new_nonce:int256 expires_in:int = P_Q_inner_data
            """,
            innerData(dataCenter: nil, expiresIn: 86_400)
        ),
        TLSample(
            """
            req_DH_params#d712e4be nonce:int128 server_nonce:int128 p:string q:string \
            public_key_fingerprint:long encrypted_data:string = Server_DH_Params
            """,
            RequestDHParameters(
                nonce: nonce,
                serverNonce: serverNonce,
                p: p,
                q: q,
                fingerprint: 0x0102_0304_0506_0708,
                encryptedData: [UInt8](repeating: 7, count: 256)
            )
        ),
        TLSample(
            """
            server_DH_params_ok#d0e8075c nonce:int128 server_nonce:int128 encrypted_answer:string \
            = Server_DH_Params
            """,
            ServerDHParameters.ok(
                ServerDHParametersOK(nonce: nonce, serverNonce: serverNonce, encryptedAnswer: [1, 2, 3])
            )
        ),
        TLSample(
            """
            server_DH_params_fail#79cb045d nonce:int128 server_nonce:int128 new_nonce_hash:int128 \
            = Server_DH_Params
            """,
            ServerDHParameters.fail(
                ServerDHParametersFail(nonce: nonce, serverNonce: serverNonce, newNonceHash: serverNonce)
            )
        ),
        TLSample(
            """
            server_DH_inner_data#b5890dba nonce:int128 server_nonce:int128 g:int dh_prime:string g_a:string \
            server_time:int = Server_DH_inner_data
            """,
            ServerDHInnerData(
                nonce: nonce,
                serverNonce: serverNonce,
                generator: 3,
                prime: [UInt8](repeating: 9, count: 256),
                publicValue: [UInt8](repeating: 8, count: 255),
                serverTime: 1_705_754_877
            )
        ),
        TLSample(
            """
            client_DH_inner_data#6643b654 nonce:int128 server_nonce:int128 retry_id:long g_b:string \
            = Client_DH_Inner_Data
            """,
            ClientDHInnerData(
                nonce: nonce,
                serverNonce: serverNonce,
                retryIdentifier: 5,
                publicValue: [UInt8](repeating: 8, count: 254)
            )
        ),
        TLSample(
            """
            set_client_DH_params#f5045f1f nonce:int128 server_nonce:int128 encrypted_data:string \
            = Set_client_DH_params_answer
            """,
            SetClientDHParameters(nonce: nonce, serverNonce: serverNonce, encryptedData: [1, 2, 3, 4])
        ),
        TLSample(
            """
            dh_gen_ok#3bcbf734 nonce:int128 server_nonce:int128 new_nonce_hash1:int128 \
            = Set_client_DH_params_answer
            """,
            DHGenerationResult.ok(DHGenerationOK(nonce: nonce, serverNonce: serverNonce, newNonceHash: nonce))
        ),
        TLSample(
            """
            dh_gen_retry#46dc1fb9 nonce:int128 server_nonce:int128 new_nonce_hash2:int128 \
            = Set_client_DH_params_answer
            """,
            DHGenerationResult.retry(DHGenerationRetry(nonce: nonce, serverNonce: serverNonce, newNonceHash: nonce))
        ),
        TLSample(
            """
            dh_gen_fail#a69dae02 nonce:int128 server_nonce:int128 new_nonce_hash3:int128 \
            = Set_client_DH_params_answer
            """,
            DHGenerationResult.fail(DHGenerationFail(nonce: nonce, serverNonce: serverNonce, newNonceHash: nonce))
        ),
        TLSample(
            """
            bind_auth_key_inner#75a3f765 nonce:long temp_auth_key_id:long perm_auth_key_id:long \
            temp_session_id:long expires_at:int = BindAuthKeyInner
            """,
            BindAuthKeyInner(
                nonce: -1,
                temporaryKeyIdentifier: 2,
                permanentKeyIdentifier: 3,
                temporarySessionIdentifier: 4,
                expiresAt: 5
            )
        ),
        TLSample(
            """
            auth.bindTempAuthKey#cdd42a05 perm_auth_key_id:long nonce:long expires_at:int \
            encrypted_message:bytes = Bool
            """,
            BindTemporaryAuthKey(
                permanentKeyIdentifier: 1,
                nonce: -2,
                expiresAt: 3,
                encryptedMessage: [UInt8](repeating: 4, count: 104)
            )
        ),
    ]
}
