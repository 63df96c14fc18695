// SPDX-License-Identifier: Apache-2.0
import CMeasure

/// CPU nanoseconds of one iteration, as the median of several rounds.
struct Sample {
    var nanoseconds: Double
    var bytes: Int?

    var perSecond: Double { 1e9 / self.nanoseconds }

    var text: String {
        let time =
            self.nanoseconds < 10_000 ? "\(fixed(self.nanoseconds, 1)) ns" : "\(fixed(self.nanoseconds / 1000, 1)) us"
        guard let bytes else { return time }
        return "\(time), \(fixed(Double(bytes) / self.nanoseconds * 1e9 / 1_073_741_824, 2)) GiB/s"
    }
}

func fixed(_ value: Double, _ digits: Int) -> String {
    var scale = 1.0
    for _ in 0..<digits { scale *= 10 }
    let scaled = (value * scale).rounded()
    guard scaled.isFinite, abs(scaled) < 1e15 else { return "\(value)" }
    let whole = Int(abs(scaled))
    let sign = scaled < 0 ? "-" : ""
    guard digits > 0 else { return "\(sign)\(whole)" }
    let fraction = String(whole % Int(scale))
    return "\(sign)\(whole / Int(scale)).\(String(repeating: "0", count: digits - fraction.count))\(fraction)"
}

/// How many iterations take about ten milliseconds.
func calibrate(_ body: (Int) throws -> Void) rethrows -> Int {
    var count = 1
    while true {
        let begin = measure_thread_nanoseconds()
        try body(count)
        let spent = measure_thread_nanoseconds() - begin
        if spent > 5_000_000 || count > 1 << 28 {
            return max(1, Int(Double(count) * 10_000_000 / Double(max(spent, 1))))
        }
        count *= 2
    }
}

func median(_ values: [Double]) -> Double {
    let sorted = values.sorted()
    return sorted[sorted.count / 2]
}

/// Measures two things in turns, so that whatever else the machine does meets both.
func compare(
    bytes: Int? = nil,
    rounds: Int = 15,
    _ ours: (Int) throws -> Void,
    _ reference: (Int) throws -> Void
) rethrows -> (ours: Sample, reference: Sample) {
    let ourCount = try calibrate(ours)
    let referenceCount = try calibrate(reference)
    var times: ([Double], [Double]) = ([], [])
    for _ in 0..<rounds {
        var begin = measure_thread_nanoseconds()
        try ours(ourCount)
        times.0.append(Double(measure_thread_nanoseconds() - begin) / Double(ourCount))
        begin = measure_thread_nanoseconds()
        try reference(referenceCount)
        times.1.append(Double(measure_thread_nanoseconds() - begin) / Double(referenceCount))
    }
    return (
        Sample(nanoseconds: median(times.0), bytes: bytes), Sample(nanoseconds: median(times.1), bytes: bytes)
    )
}

/// Allocations of one iteration, as the difference between a long and a short run.
func allocations(_ body: (Int) throws -> Void) rethrows -> Double {
    try body(100)
    let start = measure_allocation_count()
    try body(100)
    let short = measure_allocation_count()
    try body(1100)
    let long = measure_allocation_count()
    return Double((long - short) - (short - start)) / 1000
}
