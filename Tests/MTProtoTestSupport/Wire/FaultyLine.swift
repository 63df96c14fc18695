// SPDX-License-Identifier: Apache-2.0

package import NIOCore

/// One direction of a connection as a value: bytes go in, what is to be done comes out.
package struct FaultyLine: Sendable {
    /// Something to be done, in order.
    package enum Step: Sendable, Hashable {
        case write(ByteBuffer)
        /// Sends no more in this direction; the other goes on.
        case endOutput
        /// Reads no more in this direction.
        case stopReading
        /// Ends both directions in order, once everything is written.
        case close
        /// Resets both connections.
        case reset
    }

    private let faults: LineFaults
    private var count = 0
    private var held: ByteBuffer
    private var isGlued: Bool
    private var isCut = false
    private var hasEnded = false

    package init(_ faults: LineFaults) {
        self.faults = faults
        self.held = ByteBuffer(bytes: faults.preamble)
        self.isGlued = faults.gluedLength > 0
    }

    /// What happens before any byte.
    package mutating func start() -> [Step] {
        self.faults.cut != nil && self.faults.cutOffset == 0 ? self.cutSteps() : []
    }

    /// What happens to bytes of the sender.
    package mutating func receive(_ bytes: ByteBuffer) -> [Step] {
        guard !self.isCut, !self.hasEnded else { return [] }
        var bytes = bytes
        let limit = self.faults.cut == nil ? Int.max : self.faults.cutOffset
        let taken = min(bytes.readableBytes, limit - self.count)
        if var passing = bytes.readSlice(length: taken) { self.held.writeBuffer(&passing) }
        self.count += taken
        if self.count == limit { return self.cutSteps() }
        if self.isGlued, self.count < self.faults.gluedLength { return [] }
        self.isGlued = false
        return self.release()
    }

    /// What happens when the sender has sent its last byte.
    package mutating func end() -> [Step] {
        guard !self.hasEnded else { return [] }
        self.hasEnded = true
        guard self.isCut else { return self.release() + [.endOutput] }
        // Nobody is left who waits for the bytes that do not come.
        return self.faults.cut == .halfClose ? [] : [.close]
    }

    private mutating func cutSteps() -> [Step] {
        self.isCut = true
        let passed = self.release()
        switch self.faults.cut {
        case nil, .blackHole: return passed
        case .reset: return passed + [.reset]
        case .close: return passed + [.close]
        case .halfClose: return passed + [.endOutput]
        case .stall: return passed + [.stopReading]
        case .garbage(let bytes): return passed + [.write(ByteBuffer(bytes: bytes))]
        }
    }

    private mutating func release() -> [Step] {
        guard self.held.readableBytes > 0 else { return [] }
        defer { self.held = ByteBuffer() }
        guard let length = self.faults.pieceLength, length > 0 else { return [.write(self.held)] }
        var steps: [Step] = []
        while let piece = self.held.readSlice(length: min(length, self.held.readableBytes)), piece.readableBytes > 0 {
            steps.append(.write(piece))
        }
        return steps
    }
}
