// SPDX-License-Identifier: Apache-2.0

/// One line of the table. `goal` is the ratio that the design asks for, where it names one.
struct Row {
    var what: String
    var ours: String
    var reference: String
    var ratio: Double?
    var goal: Double?
    var atMost = false

    var verdict: String {
        guard let ratio, let goal else { return "" }
        let met = self.atMost ? ratio <= goal : ratio >= goal
        return "\(self.atMost ? "≤" : "≥") \(fixed(goal, 2)) \(met ? "yes" : "NO")"
    }
}

func printTable(_ rows: [Row]) {
    printCells(
        [["what", "ours", "beside", "ratio", "goal met"]]
            + rows.map { [$0.what, $0.ours, $0.reference, $0.ratio.map { fixed($0, 2) } ?? "", $0.verdict] }
    )
}

/// Rows of text as a table, the first one its head.
func printCells(_ cells: [[String]]) {
    let widths = (cells.first ?? []).indices.map { column in cells.map { $0[column].count }.max() ?? 0 }
    for (index, line) in cells.enumerated() {
        let padded = zip(line, widths).map { $0 + String(repeating: " ", count: $1 - $0.count) }
        print("| " + padded.joined(separator: " | ") + " |")
        if index == 0 { print("|" + widths.map { String(repeating: "-", count: $0 + 2) }.joined(separator: "|") + "|") }
    }
}
