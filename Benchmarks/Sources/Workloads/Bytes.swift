// SPDX-License-Identifier: Apache-2.0

/// The same bytes in every run; their values do not matter to any of the workloads.
package func sampleBytes(_ count: Int) -> [UInt8] {
    var state: UInt64 = 0x9E37_79B9_7F4A_7C15
    return (0..<count).map { _ in
        state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
        return UInt8(truncatingIfNeeded: state >> 56)
    }
}

/// Keeps the optimizer from removing what computed the value.
@inline(never)
@_optimize(none)
package func keep<T>(_: borrowing T) {}
