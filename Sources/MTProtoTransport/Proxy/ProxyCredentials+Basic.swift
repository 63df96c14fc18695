// SPDX-License-Identifier: Apache-2.0

extension ProxyCredentials {
    /// What of the credentials HTTP cannot carry, if anything: its users have no colon, and neither part a control character.
    ///
    /// Specification: RFC 7617, section 2.
    package var basicAuthenticationError: ProxyCredentialsError? {
        if self.username.utf8.contains(where: { $0 == UInt8(ascii: ":") || Self.isControl($0) }) {
            return .invalidUsername
        }
        return self.password.utf8.contains(where: Self.isControl) ? .invalidPassword : nil
    }

    private static func isControl(_ byte: UInt8) -> Bool {
        byte < 0x20 || byte == 0x7f
    }

    /// User and password as the Basic scheme of HTTP has them: a secret.
    ///
    /// Specification: RFC 7617.
    package var basicAuthenticationText: String {
        let bytes = Array("\(self.username):\(self.password)".utf8)
        var text = SecretText.encodeBase64URL(bytes).map { character -> Character in
            switch character {
            case "-": "+"
            case "_": "/"
            default: character
            }
        }
        while text.count % 4 != 0 { text.append("=") }
        return String(text)
    }
}
