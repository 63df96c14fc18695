// SPDX-License-Identifier: Apache-2.0

package import MTProtoCrypto

/// How many random bytes follow a message's body: 12…1024, so that the encrypted part is a multiple of 16 bytes.
///
/// The freedom within that range is for hiding lengths.
///
/// Specification: *Mobile Protocol: Detailed Description*, "Encrypted Message".
public struct MessagePadding: Hashable, Sendable, Codable {
    private enum Value: Hashable, Codable {
        case minimal, sizeClasses
        case random(maximumBlocks: Int)
    }

    private let value: Value

    /// 12…27 bytes.
    public static let minimal = Self(value: .minimal)

    /// Up to the next of a few sizes of the encrypted part: 64, 128, 192, 256, 384, 512, 768, 1024 or 1280 bytes, then
    /// in steps of 448. That is what TDLib does.
    public static let sizeClasses = Self(value: .sizeClasses)

    /// The minimum and up to `maximumBlocks` times 16 bytes more; 62 blocks at most.
    public static func random(maximumBlocks: Int = 15) -> Self {
        Self(value: .random(maximumBlocks: min(max(maximumBlocks, 0), 62)))
    }

    /// ``sizeClasses``.
    public static let standard = Self.sizeClasses

    /// The legal range.
    package static let range = 12...1024

    private static let classes = [64, 128, 192, 256, 384, 512, 768, 1024, 1280]
    private static let classStep = 448

    /// How many bytes to add.
    ///
    /// - Parameter bodyLength: The body's length in bytes.
    package func byteCount(bodyLength: Int, random: RandomSource) -> Int {
        let unpadded = 32 + bodyLength
        let minimum = 12 + (-(unpadded + 12) & 15)
        switch self.value {
        case .minimal:
            return minimum
        case .random(let maximumBlocks):
            return minimum + 16 * random.integer(in: 0...min(max(maximumBlocks, 0), 62))
        case .sizeClasses:
            let size = unpadded + minimum
            if let rounded = Self.classes.first(where: { $0 >= size }) { return rounded - unpadded }
            let steps = (size - 1280 + Self.classStep - 1) / Self.classStep
            return 1280 + steps * Self.classStep - unpadded
        }
    }
}
