// SPDX-License-Identifier: Apache-2.0

/// A host name of Telegram's data centres, `NAME[-1].web.telegram.org`.
///
/// Specification: *Transports*, URI format.
struct TelegramHost: Hashable, Sendable {
    /// The names of the data centres 1 to 5.
    private static let names = ["pluto", "venus", "aurora", "vesta", "flora"]
    private static let domain = ".web.telegram.org"
    private static let alternativeSuffix = "-1"
    /// The test environment has the data centres 1 to 3.
    private static let testCount = 3

    var number: Int16
    var isAlternative: Bool

    init(number: Int16, isAlternative: Bool) {
        self.number = number
        self.isAlternative = isAlternative
    }

    /// Reads a host name in any case; `nil` when it is not one of Telegram's.
    init?(_ host: String) {
        let host = host.lowercased()
        guard host.hasSuffix(Self.domain) else { return nil }
        var name = host.dropLast(Self.domain.count)
        let isAlternative = name.hasSuffix(Self.alternativeSuffix)
        if isAlternative { name = name.dropLast(Self.alternativeSuffix.count) }
        guard let index = Self.names.firstIndex(of: String(name)) else { return nil }
        self.init(number: Int16(index + 1), isAlternative: isAlternative)
    }

    /// The name, or `nil` when there is no such data centre.
    func name(isTest: Bool) -> String? {
        guard self.exists(isTest: isTest) else { return nil }
        return Self.names[Int(self.number) - 1] + (self.isAlternative ? Self.alternativeSuffix : "") + Self.domain
    }

    func exists(isTest: Bool) -> Bool {
        1...(isTest ? Self.testCount : Self.names.count) ~= Int(self.number)
    }
}
