// SPDX-License-Identifier: Apache-2.0

package import NIOCore

/// What goes wrong on one connection through a ``FaultyRelay``. Offsets count the bytes that come in, from 0.
package struct WireFaults: Sendable, Hashable {
    /// What happens to the connection as a whole.
    package enum Acceptance: Sendable, Hashable {
        /// It is relayed to the destination.
        case relay
        /// It is reset at once.
        case reset
        /// It is ended in order at once.
        case close
        /// What comes is read and dropped; nothing goes back.
        case blackHole
        /// Nothing is read, so that the client's writes come to a stop.
        case stall
        /// These bytes go back at once; what comes is read and dropped.
        case garbage([UInt8])
        /// The client's own bytes go back.
        case echo
    }

    package var acceptance: Acceptance
    /// What happens to the client's bytes.
    package var toServer: LineFaults
    /// What happens to the server's bytes.
    package var toClient: LineFaults

    package init(
        _ acceptance: Acceptance = .relay,
        toServer: LineFaults = LineFaults(),
        toClient: LineFaults = LineFaults()
    ) {
        self.acceptance = acceptance
        self.toServer = toServer
        self.toClient = toClient
    }

    /// The same in both directions.
    package init(both: LineFaults) {
        self.init(toServer: both, toClient: both)
    }
}

/// What happens to the bytes of one direction.
package struct LineFaults: Sendable, Hashable {
    /// What happens from some byte on.
    package enum Cut: Sendable, Hashable {
        /// Both ends are reset.
        case reset
        /// Both ends are ended in order.
        case close
        /// The receiver sees this direction's end; the other goes on, and what still comes is dropped.
        case halfClose
        /// What comes is read and dropped.
        case blackHole
        /// Nothing more is read, so that the sender's writes come to a stop.
        case stall
        /// These bytes come instead, and nothing after them.
        case garbage([UInt8])
    }

    /// Goes in front of the first byte, in one write with it.
    package var preamble: [UInt8] = []
    /// Bytes are held back until so many are there or the sender has ended, and go on in one write.
    package var gluedLength = 0
    /// Every write has so many bytes at most.
    package var pieceLength: Int?
    /// The time between two pieces.
    package var pieceInterval: TimeAmount?
    /// The number of the first byte that ``cut`` concerns.
    package var cutOffset = 0
    /// What happens from there on.
    package var cut: Cut?

    /// Bytes pass as they come.
    package init() {}

    /// The first `offset` bytes pass, then this happens; with 0 also before any byte has come.
    package static func cut(_ cut: Cut, after offset: Int) -> LineFaults {
        var faults = LineFaults()
        faults.cut = cut
        faults.cutOffset = offset
        return faults
    }

    /// Small writes, one behind the other.
    package static func trickle(_ length: Int = 1, interval: TimeAmount? = nil) -> LineFaults {
        var faults = LineFaults()
        faults.pieceLength = length
        faults.pieceInterval = interval
        return faults
    }

    /// The first writes in one.
    package static func glue(_ length: Int) -> LineFaults {
        var faults = LineFaults()
        faults.gluedLength = length
        return faults
    }

    /// Something that nobody has sent comes first.
    package static func preamble(_ bytes: [UInt8]) -> LineFaults {
        var faults = LineFaults()
        faults.preamble = bytes
        return faults
    }
}

extension WireFaults: CustomStringConvertible {
    /// Only what goes wrong.
    package var description: String {
        let lines = [("to the server", self.toServer), ("to the client", self.toClient)]
            .filter { $0.1 != LineFaults() }.map { "\($0.0): \($0.1)" }
        return lines.isEmpty ? "\(self.acceptance)" : lines.joined(separator: ", ")
    }
}

extension WireFaults.Acceptance: CustomStringConvertible {
    package var description: String {
        switch self {
        case .relay: "relay"
        case .reset: "reset"
        case .close: "close"
        case .blackHole: "black hole"
        case .stall: "stall"
        case .garbage(let bytes): "\(bytes.count) bytes of garbage"
        case .echo: "echo"
        }
    }
}

extension LineFaults: CustomStringConvertible {
    package var description: String {
        var words: [String] = []
        if !self.preamble.isEmpty { words.append("\(self.preamble.count) bytes more in front") }
        if self.gluedLength > 0 { words.append("glue \(self.gluedLength)") }
        if let length = self.pieceLength { words.append("pieces of \(length)") }
        if let interval = self.pieceInterval { words.append("every \(interval.nanoseconds) ns") }
        if let cut = self.cut { words.append("\(cut) after \(self.cutOffset)") }
        return words.joined(separator: ", ")
    }
}

extension LineFaults.Cut: CustomStringConvertible {
    package var description: String {
        switch self {
        case .reset: "reset"
        case .close: "close"
        case .halfClose: "half-close"
        case .blackHole: "black hole"
        case .stall: "stall"
        case .garbage(let bytes): "\(bytes.count) bytes of garbage"
        }
    }
}

/// Bytes that look like nothing, the same for the same seed (SplitMix64).
package enum Garbage {
    package static func bytes(_ count: Int, seed: UInt64 = 1) -> [UInt8] {
        var state = seed
        return (0..<count).map { _ in
            state &+= 0x9e37_79b9_7f4a_7c15
            var value = state
            value = (value ^ (value >> 30)) &* 0xbf58_476d_1ce4_e5b9
            value = (value ^ (value >> 27)) &* 0x94d0_49bb_1331_11eb
            return UInt8(truncatingIfNeeded: value ^ (value >> 31))
        }
    }
}
