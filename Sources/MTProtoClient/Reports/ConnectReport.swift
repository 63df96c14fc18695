// SPDX-License-Identifier: Apache-2.0

/// Every attempt of one connect, in the order in which they began.
public struct ConnectReport: Sendable, Hashable, Codable {
    /// The attempts; one, if there was but one way.
    public internal(set) var attempts: [ConnectionAttempt] = []

    /// The attempt that is used, if one is.
    public var winner: ConnectionAttempt? { self.attempts.first { $0.outcome == .won } }
}

extension ConnectReport: CustomStringConvertible {
    /// A table with a line for each attempt, and one of titles.
    public var description: String {
        let rows = self.attempts.enumerated().map { index, attempt in
            [
                "\(index + 1)", attempt.transport, attempt.endpoint, attempt.route, attempt.phase.rawValue,
                ConnectionAttempt.text(attempt.startMilliseconds), ConnectionAttempt.text(attempt.milliseconds),
                attempt.result,
            ]
        }
        let titles = ["attempt", "transport", "endpoint", "route", "phase", "from ms", "took ms", "result"]
        return Self.table([titles] + rows)
    }

    /// Rows with aligned columns.
    private static func table(_ rows: [[String]]) -> String {
        let widths = rows[0].indices.map { column in rows.map { $0[column].count }.max() ?? 0 }
        return rows.map { row in
            row.indices.map { column in
                let text = row[column]
                let space = String(repeating: " ", count: widths[column] - text.count)
                // Numbers to the right; nothing behind the last column.
                if column == 0 || column == 5 || column == 6 { return space + text }
                return column == row.indices.last ? text : text + space
            }.joined(separator: "  ")
        }.joined(separator: "\n")
    }
}
