// SPDX-License-Identifier: Apache-2.0

import Testing

/// Sessions that are kept alive in a bad world.
@Suite struct SessionLivenessSimulationTests {
    @Test("Hundreds of schedules: each query is answered once and executed once, dead connections are noticed in time")
    func schedules() throws {
        for seed: UInt64 in 0..<400 {
            let world = try KeptSessionWorld(seed: seed)
            let fault = try world.run()
            #expect(fault == nil, "try KeptSessionWorld(seed: \(seed)).run(): \(fault ?? "")")
        }
    }
}
