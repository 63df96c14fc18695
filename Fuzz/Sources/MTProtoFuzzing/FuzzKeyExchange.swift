// SPDX-License-Identifier: Apache-2.0
import MTProtoCrypto
import MTProtoSession
import MTProtoTransport
import NIOCore

private let now = SessionTime(wallNanoseconds: 1_700_000_000_000_000_000, monotonicNanoseconds: 1_000_000_000)

/// Made for these runs and used nowhere else.
private let privateKey: RSAPrivateKey = {
    let pem = """
        -----BEGIN RSA PRIVATE KEY-----
        MIIEowIBAAKCAQEAssOrHvXndxEkUKdna4xGZFvQfE8TYm6H68NupGBk1pxDuPyr
        RrcGZ/eYxDeGnkIbzy30sSI85ZwbI0eQfFuv95IlMPR7YOKoJ+7lc7/Qdgkw9ilS
        /BjBUG12rR6FeE7kPU7xLFKyXOvQlxNdZE8ZwaA6Lu7SQA71lG2/23ualrdw2qSn
        EdmGIlsqvQ6NaL8InJtLvrDZNgx8sHVUPFA81KNbymmlRzm1tMap/yzVRlpx5c/h
        XnkDPmrKj46aEw2YSBZEVfhWaiI+eb9Ab9jraE6/B1TJt/QITrq3PxL9aAybifkt
        CTFS8/q4PdsX8RSh93RcHGpN38ucvF+Ld/xG+wIDAQABAoIBAAF6eMnSws1LSP+Z
        wtMy38oosDq29LQVse4TObEGUw8rT6wR+uCk1tq5Q3wr8WMRrOUzvhhQ7iv/9IGA
        MAO3RmdHwCL9gp+0gCuEYEVqyrCPNuZyRQtssPyXSyn3XKc4D88p/fid3nfCQ4Fc
        WaNgvBfL2W9V7ks1VHabycBo70hbzHgi9jF2XELS/EkWmea5WsXpstiyZ+9P7IBh
        2SYAzY2XZeGrrrHs3TWqHKPkuL/B6YBL8np+z9bvs39xH9ACT4UZ2+W414rFqlml
        0IWxF5iqLF1x4p1z2n59K/pCgfOZNtxCUQ7VY/7z7PVFZPV3Li3JtBIioLvCt/Gf
        nxj1AKECgYEA6I9gPuyI0Qb70fkvpDGzQdIHxZle1CsaLh6vd+6y/3um3BvPXQa+
        ZoB4W5ytbSH2/OAWk/3LxyC2B0zFPJ2GVfWWqNhnHadNlDzk5hlXegXrJvYgjiPf
        XGR2P+mK+oHzlo72g2DLIPQOwMh7U2mRS2M21g1BgADhSk2Ob8nExxkCgYEAxMg6
        zfe16mR3Yi1Ar+j92CQYXGT3CPRXeO8gxMHUPSlN/NDQ5jGTVZEztksuzuHzZN1d
        Thz/Qtj2ruIjdXwVLdFf9l/vFu+aguMIj3ix9M4wGLhJ7m4SzrSUin7d3+WMDMlV
        K3nmRp6o8EfdTCcX0O0Xze3EQtLkyy+7CmdSJTMCgYEAmhk3KzrMxcUc49t8SA5u
        u3SSlcq03V3aMSlAF/ZhQY0L2dnLo9auH3mNRxcgi6nv4UwTaejIOKBiPaAPKcUv
        mJHtTOBoI2wSqeFXw2iTYFW/pcd9dvIqNSyUdnEoGCo34FHG4vMmZiWSCQhPP8w5
        7HxHf7q05j6vCe8uLMDD1TECgYAZONDQtX9Lm7TxkHtKEML4gSfeL9K6AxdzGLNK
        hM1/SVwFm34rAw+vV/0Y0GofejaIJxdee7j8CHMV10ZUOKM+TCfQnFs4xV04iYD/
        Yqjsh8ECahyPwuwGMn8XgUtO900MFoIkIGuzgYKFybBDon8a+EikzGTra7yHjoaa
        vsN4oQKBgC0zJbM8rvvmkd1f1r3ifFKn0t5GN8GdZHp64sIMVevFoJyHyYBC1k2y
        Iv4w0wuKKi58uXG7cI1kSPNrnaJKktyj3ntUg8118wym3HfzD0r4dNSsRQ7KK1du
        7HDL5hedlxyWoIWTluWyO0OCq6Cn+/2sQU3mwF8/e+4Dot1uOzrc
        -----END RSA PRIVATE KEY-----
        """
    guard let key = try? RSAPrivateKey(pem: pem) else { preconditionFailure("the key above is a key") }
    return key
}()

private func makeServer() -> ServerKeyExchangeTable {
    var configuration = ServerKeyExchangeTable.Configuration(privateKeys: [privateKey])
    configuration.random = .seeded(6)
    guard let table = try? ServerKeyExchangeTable(configuration: configuration) else {
        preconditionFailure("one key and the standard group make a table")
    }
    return table
}

private func makeClient() -> ClientKeyExchange {
    ClientKeyExchange(
        publicKeys: [privateKey.publicKey],
        dataCenter: nil,
        lifetime: .permanent,
        random: .seeded(7)
    )
}

/// What the input does to one honest message on its way: nothing, changed bytes, a cut, or another message instead.
private func tamper(_ body: ByteBuffer, _ input: inout FuzzInput) -> ByteBuffer {
    var bytes = Array(body.readableBytesView)
    switch input.byte() % 5 {
    case 0:
        let position = Int(input.integer(UInt16.self))
        let mask = input.byte()
        if position < bytes.count { bytes[position] ^= mask }
    case 1:
        bytes.removeLast(Swift.min(bytes.count, Int(input.byte())))
    case 2:
        // The nonces stay, so that the message reaches the run it belongs to.
        let replacement = input.chunk()
        bytes = Array(bytes.prefix(36)) + replacement
    case 3:
        bytes = input.chunk()
    default:
        break
    }
    return ByteBuffer.shifted(bytes)
}

private func bodyOf(_ response: ServerKeyExchangeTable.Response) -> ByteBuffer? {
    switch response {
    case .reply(let body), .replyAndStore(let body, _): body
    case .transportError, .ignore: nil
    }
}

func fuzzServerKeyExchange(_ input: inout FuzzInput) {
    let server = makeServer()
    if input.byte() & 1 == 0 {
        var count = 0
        while !input.isAtEnd, count < 64 {
            count += 1
            _ = server.respond(to: ByteBuffer.shifted(input.chunk()), at: now, isKeyIdentifierInUse: { _ in false })
        }
        return
    }
    var client = makeClient()
    var body = client.start()
    for _ in 0..<6 {
        let sent = tamper(body, &input)
        guard let answer = bodyOf(server.respond(to: sent, at: now, isKeyIdentifierInUse: { $0 & 1 == 0 })) else {
            return
        }
        guard case .send(let next)? = try? client.receive(answer, at: now) else { return }
        body = next
    }
}

func fuzzClientKeyExchange(_ input: inout FuzzInput) {
    let server = makeServer()
    var client = makeClient()
    var body = client.start()
    for _ in 0..<6 {
        guard let answer = bodyOf(server.respond(to: body, at: now, isKeyIdentifierInUse: { _ in false })) else {
            return
        }
        guard case .send(let next)? = try? client.receive(tamper(answer, &input), at: now) else { return }
        body = next
    }
}
