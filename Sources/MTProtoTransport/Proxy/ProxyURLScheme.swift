// SPDX-License-Identifier: Apache-2.0

/// The schemes of proxies' URLs.
enum ProxyURLScheme: String {
    case socks5, http
}
