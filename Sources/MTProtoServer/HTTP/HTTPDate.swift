// SPDX-License-Identifier: Apache-2.0

/// The value of a `Date` header, as `Sun, 06 Nov 1994 08:49:37 GMT`.
///
/// Specification: RFC 9110, section 5.6.7.
enum HTTPDate {
    private static let days = ["Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"]
    private static let months = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]
    private static let secondsPerDay: Int64 = 86_400
    /// The last second of the year 9999.
    private static let latest: Int64 = 253_402_300_799

    /// - Parameter unixSeconds: Times outside of the years 1970 to 9999 are clamped.
    static func text(unixSeconds: Int64) -> String {
        let seconds = min(max(unixSeconds, 0), Self.latest)
        let day = Int(seconds / Self.secondsPerDay)
        let second = Int(seconds % Self.secondsPerDay)
        let (year, month, dayOfMonth) = Self.date(daysSince1970: day)
        let time = [second / 3_600, second / 60 % 60, second % 60].map(Self.twoDigits).joined(separator: ":")
        return "\(Self.days[day % 7]), \(Self.twoDigits(dayOfMonth)) \(Self.months[month - 1]) \(year) \(time) GMT"
    }

    private static func twoDigits(_ number: Int) -> String {
        number < 10 ? "0\(number)" : "\(number)"
    }

    /// The Gregorian date: years are counted from March, so that the leap day is the last one.
    private static func date(daysSince1970: Int) -> (year: Int, month: Int, day: Int) {
        let days = daysSince1970 + 719_468
        let era = days / 146_097
        let dayOfEra = days % 146_097
        let yearOfEra = (dayOfEra - dayOfEra / 1_460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
        let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
        let shiftedMonth = (5 * dayOfYear + 2) / 153
        let month = shiftedMonth < 10 ? shiftedMonth + 3 : shiftedMonth - 9
        let year = era * 400 + yearOfEra + (month <= 2 ? 1 : 0)
        return (year, month, dayOfYear - (153 * shiftedMonth + 2) / 5 + 1)
    }
}
