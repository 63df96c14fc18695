// SPDX-License-Identifier: Apache-2.0

import MTProtoCrypto
import MTProtoTransport
import Testing

/// The links of `obfuscation.md` §9.2, and URLs.
struct ProxySpecificationTests {
    static let secrets = [
        "00112233445566778899aabbccddeeff", "dd00112233445566778899aabbccddeeff",
        "ee00112233445566778899aabbccddeeff6578616d706c652e636f6d",
    ]

    private static func mtproxy(_ host: String, _ port: Int, _ secret: String) throws -> ProxySpecification {
        .mtproxy(try SocketEndpoint(host: host, port: port), try ProxySecret(string: secret))
    }

    private static func credentials(_ username: String, _ password: String) throws -> ProxyCredentials {
        try ProxyCredentials(username: username, password: password)
    }

    @Test("The example of the page in every form")
    func example() throws {
        let query = "server=proxy.example.com&port=443&secret=7gARIjNEVWZ3iJmqu8zd7v9leGFtcGxlLmNvbQ"
        let expected = try Self.mtproxy("proxy.example.com", 443, Self.secrets[2])
        let starts = [
            "tg://", "TG://", "https://t.me/", "http://t.me/", "https://T.me/", "https://telegram.me/",
            "http://telegram.dog/", "HTTPS://telegram.dog/",
        ]
        for start in starts {
            #expect(try ProxySpecification("\(start)proxy?\(query)") == expected)
            #expect(try ProxySpecification("\(start)proxy/?\(query)#fragment") == expected)
        }
        #expect(expected.link(.https) == "https://t.me/proxy?\(query)")
        #expect(expected.link(.tg) == "tg://proxy?\(query)")
        #expect(expected.link(.url) == nil)
        #expect(expected.endpoint.port == 443)
    }

    @Test("Every encoding of every secret", arguments: Self.secrets)
    func secretEncodings(text: String) throws {
        let secret = try ProxySecret(string: text)
        let standard = String(secret.base64URLText().map { $0 == "_" ? "/" : $0 == "-" ? "+" : $0 })
        for form in [text, text.uppercased(), secret.base64URLText(), standard] {
            let link = "tg://proxy?secret=\(form)&unknown=1&port=8888&server=1.2.3.4&&x"
            #expect(try ProxySpecification(link) == .mtproxy(SocketEndpoint(host: "1.2.3.4", port: 8888), secret))
        }
    }

    @Test("SOCKS5 links")
    func socksLinks() throws {
        let endpoint = try SocketEndpoint(host: "10.0.0.1", port: 1080)
        let start = "tg://socks?server=10.0.0.1&port=1080"
        #expect(try ProxySpecification(start) == .socks5(endpoint, nil))
        #expect(try ProxySpecification(start + "&user=&pass=") == .socks5(endpoint, nil))
        #expect(try ProxySpecification(start + "&user=u") == .socks5(endpoint, Self.credentials("u", "")))
        let encoded = try ProxySpecification(start + "&user=a%20b+c&pass=%26%3D%2B%D1%8F&secret=ignored")
        #expect(encoded == .socks5(endpoint, try Self.credentials("a b c", "&=+я")))
        #expect(encoded.link(.tg) == start + "&user=a%20b%20c&pass=%26%3D%2B%D1%8F")
    }

    @Test("URLs")
    func urls() throws {
        let named = try SocketEndpoint(host: "proxy.example.com", port: 3128)
        let address = try SocketEndpoint(host: "2001:db8::1", port: 8080)
        #expect(try ProxySpecification("http://proxy.example.com:3128") == .httpConnect(named, nil))
        #expect(try ProxySpecification("HTTP://proxy.example.com:3128/") == .httpConnect(named, nil))
        #expect(try ProxySpecification("http://t.me:80") == .httpConnect(SocketEndpoint(host: "t.me", port: 80), nil))
        #expect(try ProxySpecification("socks5://[2001:db8::1]:8080") == .socks5(address, nil))
        let credentials = try Self.credentials("us:er", "p@ss:w/rd")
        let url = "socks5://us%3Aer:p%40ss%3Aw%2Frd@[2001:db8::1]:8080"
        #expect(try ProxySpecification(url) == .socks5(address, credentials))
        #expect(ProxySpecification.socks5(address, credentials).link(.url) == url)
        let byHand = try ProxySpecification("http://user:p@ss:word+@proxy.example.com:3128")
        #expect(byHand == .httpConnect(named, try Self.credentials("user", "p@ss:word+")))
        #expect(byHand.link(.url) == "http://user:p%40ss%3Aword%2B@proxy.example.com:3128")
        #expect(byHand.link(.tg) == nil && byHand.link(.https) == nil)
        #expect(try ProxySpecification("http://@proxy.example.com:3128") == .httpConnect(named, nil))
    }

    @Test("What is printed is read again", arguments: ["proxy.example.com", "1.2.3.4", "2001:db8::1"])
    func roundTrip(host: String) throws {
        let endpoint = try SocketEndpoint(host: host, port: 65535)
        var all: [ProxySpecification] = [.socks5(endpoint, nil), .httpConnect(endpoint, nil)]
        for credentials in [try Self.credentials("u", ""), try Self.credentials("%41 +&=?#/@[]", "пароль:\u{80}")] {
            all += [.socks5(endpoint, credentials), .httpConnect(endpoint, credentials)]
        }
        all.append(.socks5(endpoint, try Self.credentials("a:\u{1}", "\u{0}\n")))
        all += try Self.secrets.map { .mtproxy(endpoint, try ProxySecret(string: $0)) }
        for proxy in all {
            let texts = ProxySpecification.LinkForm.allCases.compactMap { proxy.link($0) }
            #expect(!texts.isEmpty)
            for text in texts { #expect(try ProxySpecification(text) == proxy, "\(text)") }
        }
    }

    @Test("What HTTP cannot carry is neither read nor printed", arguments: ["\u{0}", "\n", "\u{1f}", "\u{7f}"])
    func credentialsForHTTP(control: String) throws {
        let endpoint = try SocketEndpoint(host: "a", port: 1)
        for (user, password) in [("u\(control)", "p"), ("u", "p\(control)"), ("u:", "p")] {
            let credentials = try Self.credentials(user, password)
            #expect(ProxySpecification.httpConnect(endpoint, credentials).link(.url) == nil)
            let url = try #require(ProxySpecification.socks5(endpoint, credentials).link(.url))
            #expect(try ProxySpecification(url) == .socks5(endpoint, credentials))
            let error = #expect(throws: ProxyLinkError.self) {
                try ProxySpecification("http" + url.dropFirst("socks5".count))
            }
            #expect(error?.code == .invalid && error?.part == (user == "u" ? .password : .user))
        }
    }

    @Test("What has no meaning in a link is ignored, whatever it is")
    func ignoredParameters() throws {
        let proxy = "tg://proxy?server=a&port=1&\(Self.secret)"
        for rest in [
            "&user=%zz", "&pass=a&pass=b", "&user=\(String(repeating: "u", count: 256))", "&path=1&path=2",
            "&password=%",
        ] {
            #expect(try ProxySpecification(proxy + rest) == ProxySpecification(proxy), "\(rest)")
        }
        let socks = "tg://socks?server=a&port=1&user=u&pass=p"
        for rest in ["&secret=x&secret=y", "&secret=%zz", "&password=q"] {
            #expect(try ProxySpecification(socks + rest) == ProxySpecification(socks), "\(rest)")
        }
    }

    @Test("People read words, not names of parameters")
    func words() {
        let error = #expect(throws: ProxyLinkError.self) {
            try ProxySpecification("tg://socks?server=a&port=1&user=u&pass=p&pass=p")
        }
        #expect(error?.description == "the proxy's password is given twice")
    }

    struct Refusal: Sendable, CustomTestStringConvertible {
        let text: String
        let code: ProxyLinkError.Code
        var part: ProxyLinkError.Part?
        var secretError: ProxySecretError.Code?

        init(
            _ text: String,
            _ code: ProxyLinkError.Code,
            _ part: ProxyLinkError.Part? = nil,
            _ secretError: ProxySecretError.Code? = nil
        ) {
            self.text = text
            self.code = code
            self.part = part
            self.secretError = secretError
        }

        var testDescription: String { self.text }
    }

    static let secret = "secret=\(Self.secrets[0])"

    static let refusals = [
        Refusal("", .unknownForm), Refusal("proxy.example.com:443", .unknownForm), Refusal("ftp://h:1", .unknownForm),
        Refusal("https://example.com/proxy?server=a&port=1", .unknownForm), Refusal("https://h:1", .unknownForm),
        Refusal("tg://resolve?domain=x", .unknownForm), Refusal("tg://", .unknownForm),
        Refusal("https://t.me/durov", .unknownForm), Refusal("http://t.me/socks5?server=a", .unknownForm),
        Refusal("tg://proxy?" + String(repeating: "a", count: 4096), .tooLong),
        Refusal("tg://proxy?port=1&\(Self.secret)", .missing, .server),
        Refusal("tg://proxy?server=&port=1&\(Self.secret)", .missing, .server),
        Refusal("tg://proxy?server=a&\(Self.secret)", .missing, .port),
        Refusal("tg://proxy?server=a&port=1", .missing, .secret),
        Refusal("tg://proxy?server=a&port=1&secret=", .missing, .secret),
        Refusal("tg://socks?server=a&port=1&pass=p", .missing, .user),
        Refusal("socks5://:p@a:1", .missing, .user),
        Refusal("socks5://a", .missing, .port), Refusal("socks5://a:", .missing, .port),
        Refusal("socks5://", .missing, .server), Refusal("http://:1", .missing, .server),
        Refusal("tg://proxy?server=a&port=1&port=1&\(Self.secret)", .repeated, .port),
        Refusal("tg://proxy?server=a&%73erver=b&port=1&\(Self.secret)", .repeated, .server),
        Refusal("tg://socks?server=a&port=1&user=&user=", .repeated, .user),
        Refusal("tg://proxy?server=a&port=0&\(Self.secret)", .invalid, .port),
        Refusal("tg://proxy?server=a&port=65536&\(Self.secret)", .invalid, .port),
        Refusal("tg://proxy?server=a&port=-1&\(Self.secret)", .invalid, .port),
        Refusal("tg://proxy?server=a&port=1a&\(Self.secret)", .invalid, .port),
        Refusal("tg://proxy?server=a&port=000001&\(Self.secret)", .invalid, .port),
        Refusal("tg://proxy?server=a/b&port=1&\(Self.secret)", .invalid, .server),
        Refusal("tg://proxy?server=a%0d%0ab&port=1&\(Self.secret)", .invalid, .server),
        Refusal("tg://proxy?server=\(String(repeating: "a", count: 256))&port=1&\(Self.secret)", .invalid, .server),
        Refusal("tg://proxy?server=a&port=1&secret=!!", .invalid, .secret, .invalidText),
        Refusal("tg://proxy?server=a&port=1&secret=0011", .invalid, .secret, .invalidLength),
        Refusal("tg://proxy?server=a&port=1&secret=\(Self.secrets[0])0011", .invalid, .secret, .unsupported),
        Refusal("tg://proxy?server=a&port=1&secret=ee\(Self.secrets[0])00", .invalid, .secret, .invalidDomain),
        Refusal("tg://socks?server=a&port=1&user=\(String(repeating: "u", count: 256))", .invalid, .user),
        Refusal("tg://socks?server=a&port=1&user=u&pass=\(String(repeating: "u", count: 256))", .invalid, .password),
        Refusal("socks5://1::2:3", .invalid, .server), Refusal("socks5://[1::2:3", .invalid, .server),
        Refusal("socks5://[1::2]3", .invalid, .server), Refusal("socks5://[a]:3", .invalid, .server),
        Refusal("tg://proxy?server=%zz&port=1&\(Self.secret)", .invalidEncoding, .server),
        Refusal("tg://proxy?server=a&port=%3&\(Self.secret)", .invalidEncoding, .port),
        Refusal("socks5://%ff@a:1", .invalidEncoding, .user), Refusal("socks5://u:%@a:1", .invalidEncoding, .password),
        Refusal("http://us%3Aer:p@a:1", .invalid, .user), Refusal("http://u:p%0a@a:1", .invalid, .password),
        Refusal("http://a:1/path", .unexpected, .path), Refusal("socks5://a:1?x", .unexpected, .path),
        Refusal("socks5://a:1#x", .unexpected, .path),
    ]

    @Test("What is refused, and which part is wrong", arguments: Self.refusals)
    func refuses(refusal: Refusal) {
        let error = #expect(throws: ProxyLinkError.self) { try ProxySpecification(refusal.text) }
        #expect(error?.code == refusal.code)
        #expect(error?.part == refusal.part)
        #expect(error?.secretError?.code == refusal.secretError)
    }

    @Test("Neither descriptions nor errors show a secret or a password")
    func hidesSecrets() throws {
        let proxies = [
            try ProxySpecification("tg://proxy?server=a&port=1&\(Self.secret)"),
            try ProxySpecification("socks5://somebody:hunter2@a:1"),
            try ProxySpecification("http://somebody:hunter2@a:1"),
        ]
        for proxy in proxies {
            var dumped = ""
            dump(proxy, to: &dumped)
            for text in ["\(proxy)", String(reflecting: proxy), dumped] {
                for hidden in ["00112233", "17, 34", "somebody", "hunter2"] {
                    #expect(!text.contains(hidden), "\(text)")
                }
            }
        }
        let broken = ["socks5://somebody:hunter2%@a:1", "tg://proxy?server=a&port=1&secret=hunter2!"]
        for text in broken {
            let error = #expect(throws: ProxyLinkError.self) { try ProxySpecification(text) }
            #expect(error.map { !"\($0)".contains("hunter2") && !String(reflecting: $0).contains("hunter2") } == true)
        }
    }
}
