// SPDX-License-Identifier: Apache-2.0

extension ProxySecret {
    /// The secret as official clients write it into links.
    var linkText: String {
        if case .fakeTLS = self.kind { self.base64URLText() } else { self.hexadecimalText() }
    }
}
