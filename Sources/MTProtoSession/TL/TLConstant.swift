// SPDX-License-Identifier: Apache-2.0

/// The constructors of the types that Swift has values for.
///
/// Specification: *Binary Data Serialization*.
package enum TLConstant {
    /// `vector`.
    package static let vector: UInt32 = 0x1cb5_c415
    /// `boolTrue`.
    package static let boolTrue: UInt32 = 0x9972_75b5
    /// `boolFalse`.
    package static let boolFalse: UInt32 = 0xbc79_9737
}
