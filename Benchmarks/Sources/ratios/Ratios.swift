// SPDX-License-Identifier: Apache-2.0
import CMeasure
import MTProtoCrypto
import Workloads

/// Measures this package beside other implementations of the same thing, in one run and in turns, and prints the ratios.
///
/// `ratios [ctr] [ige] [crc] [frames] [messages] [exchange] [roundtrips] [transports]`: all, or the sections named.
@main
enum Ratios {
    static func main() async throws {
        print(
            "CPU path: \(CryptoPath.best.rawValue); available: \(CryptoPath.available.map(\.rawValue).joined(separator: ", "))"
        )
        print("CPU time, medians; a ratio above 1 means that ours is faster\n")
        var rows: [Row] = []
        let chosen = CommandLine.arguments.dropFirst()
        func wants(_ section: String) -> Bool { chosen.isEmpty || chosen.contains(section) }
        if wants("ctr") { try self.counterMode(&rows) }
        if wants("ige") { self.infiniteGarbleExtension(&rows) }
        if wants("crc") { self.checksums(&rows) }
        if wants("frames") { try self.frames(&rows) }
        if wants("messages") { try self.messages(&rows) }
        if wants("exchange") { try self.keyExchange(&rows) }
        if wants("roundtrips") { try await self.roundTrips(&rows) }
        if !rows.isEmpty { printTable(rows) }
        if wants("transports") { try await self.transports() }
    }

    private static func counterMode(_ rows: inout [Row]) throws {
        let goal = CryptoPath.best == .vaes ? 1.6 : 0.9
        for count in [64, 256, 1024, 4096, 16384, 65536] {
            var ours = CTRWorkload(count)
            let other = try SwiftCryptoCTRWorkload(count)
            let pair = try compare(bytes: count, { ours.run($0) }, { try other.run($0) })
            rows.append(
                Row(
                    what: "AES-256-CTR in place, \(count) B | swift-crypto AES._CTR",
                    ours: pair.ours.text,
                    reference: pair.reference.text,
                    ratio: pair.reference.nanoseconds / pair.ours.nanoseconds
                )
            )
            guard count >= 1024, let speed = opensslCTR(bytes: count) else { continue }
            // Once more right behind it, so that both meet the same machine.
            let again = compare(bytes: count, rounds: 7, { ours.run($0) }, { ours.run($0) }).ours
            let reference = Sample(nanoseconds: Double(count) / speed * 1e9, bytes: count)
            rows.append(
                Row(
                    what: "AES-256-CTR in place, \(count) B | openssl speed",
                    ours: again.text,
                    reference: reference.text,
                    ratio: reference.nanoseconds / again.nanoseconds,
                    goal: goal
                )
            )
        }
    }

    private static func infiniteGarbleExtension(_ rows: inout [Row]) {
        guard measure_aes_latency(1) != 0 else { return }
        for count in [1024, 16384] {
            var workload = IGEWorkload(count)
            for direction in ["encrypt", "decrypt"] {
                let pair = compare(
                    bytes: count,
                    { direction == "encrypt" ? workload.encrypt($0) : workload.decrypt($0) },
                    { _ = measure_aes_latency(UInt64($0 * count / 16)) }
                )
                rows.append(
                    Row(
                        what: "AES-256-IGE \(direction), \(count) B | 14 dependent AES rounds a block",
                        ours: pair.ours.text,
                        reference: pair.reference.text,
                        ratio: pair.reference.nanoseconds / pair.ours.nanoseconds,
                        goal: 0.9
                    )
                )
            }
        }
    }

    private static func checksums(_ rows: inout [Row]) {
        for count in [64, 1024, 65536] {
            let workload = CRCWorkload(count)
            let pair = compare(
                bytes: count,
                { workload.run($0) },
                { count in
                    workload.bytes.withUnsafeBytes { bytes in
                        for _ in 0..<count { keep(measure_zlib_crc32(bytes.baseAddress, bytes.count)) }
                    }
                }
            )
            rows.append(
                Row(
                    what: "CRC-32, \(count) B | zlib",
                    ours: pair.ours.text,
                    reference: pair.reference.text,
                    ratio: pair.reference.nanoseconds / pair.ours.nanoseconds
                )
            )
        }
    }

    private static func frames(_ rows: inout [Row]) throws {
        var ours = try FrameWorkload(1024)
        var arrays = ArrayStyleFrameWorkload(1024)
        var fastArrays = ArrayStyleFastCipherWorkload(1024)
        let slow = try compare(bytes: 1024, { try ours.run($0) }, { try arrays.run($0) })
        rows.append(
            Row(
                what: "frame + obfuscate + both back, padded, 1 KiB | arrays, AES block by block",
                ours: slow.ours.text,
                reference: slow.reference.text,
                ratio: slow.reference.nanoseconds / slow.ours.nanoseconds,
                goal: 10
            )
        )
        let fast = try compare(bytes: 1024, { try ours.run($0) }, { fastArrays.run($0) })
        rows.append(
            Row(
                what: "the same | arrays around our CTR",
                ours: fast.ours.text,
                reference: fast.reference.text,
                ratio: fast.reference.nanoseconds / fast.ours.nanoseconds
            )
        )
        let count = try allocations { try ours.run($0) }
        rows.append(
            Row(
                what: "the same, allocations a frame (the payload's buffer is 2 of them)",
                ours: fixed(count, 2),
                reference: "arrays: \(fixed(try allocations { try arrays.run($0) }, 2))",
                ratio: measure_allocation_count() == 0 ? nil : count,
                goal: 2,
                atMost: true
            )
        )
    }

    private static func messages(_ rows: inout [Row]) throws {
        for count in [256, 1024, 16384] {
            let workload = try MessageWorkload(count)
            let seal = compare(bytes: count, { workload.seal($0) }, { workload.floor($0) })
            let open = try compare(bytes: count, { try workload.open($0) }, { workload.floor($0) })
            for (name, pair) in [("seal", seal), ("open", open)] {
                rows.append(
                    Row(
                        what: "message \(name), body \(count) B | its hashes and IGE alone",
                        ours: pair.ours.text,
                        reference: pair.reference.text,
                        ratio: pair.reference.nanoseconds / pair.ours.nanoseconds
                    )
                )
            }
        }
    }

    private static func keyExchange(_ rows: inout [Row]) throws {
        let workload = try KeyExchangeWorkload()
        _ = try workload.run(5, clock: measure_thread_nanoseconds)
        var rates: [Double] = []
        for _ in 0..<5 {
            rates.append(20 / (Double(try workload.run(20, clock: measure_thread_nanoseconds)) / 1e9))
        }
        let rate = median(rates)
        rows.append(
            Row(
                what: "key exchanges a second and core, server side | 150 asked for",
                ours: "\(fixed(rate, 0)) /s",
                reference: "150 /s",
                ratio: rate / 150,
                goal: 1
            )
        )
    }

    private static func roundTrips(_ rows: inout [Row]) async throws {
        let goal = 50_000.0
        for byteCount in [256, 4096] {
            let cost = try await RoundTripWorkload.run(byteCount: byteCount, count: 65_536) {
                measure_thread_nanoseconds()
            }
            let rate = 1e9 / cost.serverNanoseconds
            rows.append(
                Row(
                    what: "local data centre, echo of \(byteCount) B, queries a second and core | 50 000 asked for",
                    ours: "\(fixed(rate, 0)) /s (client \(fixed(1e9 / cost.clientNanoseconds, 0)) /s)",
                    reference: "both ends here: \(fixed(cost.queriesPerSecond, 0)) /s",
                    ratio: rate / goal,
                    goal: byteCount == 256 ? 1 : nil
                )
            )
        }
    }

    /// What a query costs over each transport, as a multiple of its cost over TCP.
    private static func transports() async throws {
        for (byteCount, depth, count) in [(256, 1, 4_096), (4_096, 64, 16_384)] {
            let costs = try await TransportCostWorkload.run(byteCount: byteCount, depth: depth, count: count) {
                measure_thread_nanoseconds()
            }
            guard let tcp = costs.first else { continue }
            print(
                "\necho of \(byteCount) B, \(depth) at a time: CPU and bytes of a query with its answer; × is the multiple of TCP's"
            )
            var cells = [["transport", "server", "client", "CPU ×", "bytes up", "bytes down", "bytes ×"]]
            for cost in costs {
                let time =
                    (cost.serverNanoseconds + cost.clientNanoseconds) / (tcp.serverNanoseconds + tcp.clientNanoseconds)
                let bytes = (cost.bytesUp + cost.bytesDown) / (tcp.bytesUp + tcp.bytesDown)
                cells.append([
                    cost.transport, "\(fixed(cost.serverNanoseconds / 1000, 1)) us",
                    "\(fixed(cost.clientNanoseconds / 1000, 1)) us", fixed(time, 2), fixed(cost.bytesUp, 0),
                    fixed(cost.bytesDown, 0), fixed(bytes, 2),
                ])
            }
            printCells(cells)
        }
    }
}
