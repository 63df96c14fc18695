// SPDX-License-Identifier: Apache-2.0

extension ClientConfiguration.HTTP {
    private static let queryConnectionCounts = 1...64
    private static let pollWaits = Duration.zero...Duration.seconds(60)
    private static let responseMargins = Duration.milliseconds(100)...Duration.seconds(60)

    /// Checks that the values can be worked with.
    ///
    /// - Throws: ``MTProtoClientError`` with ``MTProtoClientError/Code/invalidConfiguration``, whose message names the property
    ///   and its range.
    func validate() throws(MTProtoClientError) {
        try Self.check(self.queryConnectionCount, in: Self.queryConnectionCounts, "queryConnectionCount", "1 to 64")
        try Self.check(self.pollWait, in: Self.pollWaits, "pollWait", "0 to 60 seconds")
        try Self.check(self.responseMargin, in: Self.responseMargins, "responseMargin", "0.1 to 60 seconds")
    }

    private static func check<Value>(
        _ value: Value,
        in range: ClosedRange<Value>,
        _ property: String,
        _ rangeText: String
    ) throws(MTProtoClientError) {
        guard !range.contains(value) else { return }
        throw MTProtoClientError(
            .invalidConfiguration,
            phase: .dial,
            message: "http.\(property) is \(value), and has to be \(rangeText)"
        )
    }
}
