// SPDX-License-Identifier: Apache-2.0

internal import CMTProtoCrypto
internal import Synchronization

/// Where random bytes come from: the cryptographic generator, or a seeded one in tests.
public struct RandomSource: Sendable {
    private let fillBytes: @Sendable (UnsafeMutableRawBufferPointer) -> Void

    /// Creates a source from a function.
    ///
    /// - Parameter fill: Writes random bytes over the whole buffer; called from any thread.
    public init(fill: @escaping @Sendable (UnsafeMutableRawBufferPointer) -> Void) {
        self.fillBytes = fill
    }

    /// The cryptographically secure generator of BoringSSL, seeded by the operating system.
    public static let system = RandomSource { buffer in
        if let base = buffer.baseAddress {
            cmtp_random(base, buffer.count)
        }
    }

    /// A deterministic source for tests: the same seed gives the same bytes. Never use it for keys.
    ///
    /// - Parameter seed: Any number.
    public static func seeded(_ seed: UInt64) -> RandomSource {
        let generator = SeededGenerator(seed: seed)
        return RandomSource { generator.fill($0) }
    }

    /// Writes random bytes over a buffer.
    ///
    /// - Parameter buffer: The buffer, of any size.
    public func fill(_ buffer: UnsafeMutableRawBufferPointer) {
        self.fillBytes(buffer)
    }

    /// Makes random bytes.
    ///
    /// - Parameter count: How many; zero or more.
    public func bytes(_ count: Int) -> [UInt8] {
        // The empty array is one for all threads, and the call below would write its length of 0 to it.
        guard count > 0 else { return [] }
        return [UInt8](unsafeUninitializedCapacity: count) { buffer, initializedCount in
            self.fill(UnsafeMutableRawBufferPointer(rebasing: UnsafeMutableRawBufferPointer(buffer)[..<count]))
            initializedCount = count
        }
    }

    /// Makes a random integer out of the whole range of its type.
    ///
    /// - Parameter type: The type.
    public func integer<Integer: FixedWidthInteger & BitwiseCopyable>(_ type: Integer.Type = Integer.self) -> Integer {
        var value = Integer.zero
        withUnsafeMutableBytes(of: &value) { self.fill($0) }
        return value
    }

    /// Makes a random integer, each of a range with the same probability.
    ///
    /// - Parameter range: The range, ends included.
    public func integer(in range: ClosedRange<Int>) -> Int {
        var generator = Generator(source: self)
        return Int.random(in: range, using: &generator)
    }
}

extension RandomSource {
    private struct Generator: RandomNumberGenerator {
        let source: RandomSource

        func next() -> UInt64 {
            self.source.integer()
        }
    }
}

/// SplitMix64 behind a lock; the bytes do not depend on how they are cut into requests.
private final class SeededGenerator: Sendable {
    private struct State {
        var counter: UInt64
        var word: UInt64 = 0
        var bytesLeft = 0

        mutating func next() -> UInt8 {
            if self.bytesLeft == 0 {
                self.counter &+= 0x9E37_79B9_7F4A_7C15
                var mixed = self.counter
                mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
                mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
                self.word = mixed ^ (mixed >> 31)
                self.bytesLeft = 8
            }
            defer {
                self.word >>= 8
                self.bytesLeft -= 1
            }
            return UInt8(truncatingIfNeeded: self.word)
        }
    }

    private let state: Mutex<State>

    init(seed: UInt64) {
        self.state = Mutex(State(counter: seed))
    }

    func fill(_ buffer: UnsafeMutableRawBufferPointer) {
        self.state.withLock { state in
            for index in buffer.indices {
                buffer[index] = state.next()
            }
        }
    }
}
