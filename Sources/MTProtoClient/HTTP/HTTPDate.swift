// SPDX-License-Identifier: Apache-2.0

/// The date of an HTTP header in its only form that servers send: `Sun, 06 Nov 1994 08:49:37 GMT`.
///
/// Specification: RFC 9110, 5.6.7.
enum HTTPDate {
    private static let months: [Substring] = [
        "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
    ]

    /// Seconds since 1970; `nil` for anything else than such a date. The name of the day is not looked at.
    static func seconds(_ text: String) -> Int64? {
        guard text.utf8.count == 29 else { return nil }
        let parts = text.split(separator: " ", omittingEmptySubsequences: false)
        guard parts.count == 6, parts[5] == "GMT", parts[0].utf8.last == UInt8(ascii: ","),
            let day = self.number(parts[1], digits: 2), 1...31 ~= day,
            let month = self.months.firstIndex(of: parts[2]),
            let year = self.number(parts[3], digits: 4), year >= 1970
        else { return nil }
        let time = parts[4].split(separator: ":", omittingEmptySubsequences: false)
        guard time.count == 3, let hour = self.number(time[0], digits: 2), hour < 24,
            let minute = self.number(time[1], digits: 2), minute < 60,
            let second = self.number(time[2], digits: 2), second <= 60
        else { return nil }
        return ((self.days(year: year, month: Int64(month) + 1, day: day) * 24 + hour) * 60 + minute) * 60 + second
    }

    private static func number(_ text: Substring, digits: Int) -> Int64? {
        guard text.utf8.count == digits, text.utf8.allSatisfy({ 0x30...0x39 ~= $0 }) else { return nil }
        return Int64(text)
    }

    /// Days from 1 January 1970. Years are counted from March, so that the leap day is their last.
    private static func days(year: Int64, month: Int64, day: Int64) -> Int64 {
        let year = month > 2 ? year : year - 1
        let dayOfYear = (153 * ((month + 9) % 12) + 2) / 5 + day - 1
        return year * 365 + year / 4 - year / 100 + year / 400 + dayOfYear - 719_468
    }
}
