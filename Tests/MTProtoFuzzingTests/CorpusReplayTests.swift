// SPDX-License-Identifier: Apache-2.0
import Foundation
import MTProtoFuzzing
import Testing

/// Every input that a fuzz run found worth keeping runs again in each test run; a fault ends the process.
@Suite struct CorpusReplayTests {
    private static let corpora = URL(fileURLWithPath: #filePath)
        .deletingLastPathComponent()
        .deletingLastPathComponent()
        .deletingLastPathComponent()
        .appendingPathComponent("Fuzz/Corpora")

    @Test(arguments: FuzzTarget.allCases)
    func everyInputOfTheCorpusPasses(_ target: FuzzTarget) throws {
        let folder = Self.corpora.appendingPathComponent(target.rawValue)
        let files = try FileManager.default.contentsOfDirectory(at: folder, includingPropertiesForKeys: nil)
            .filter { !$0.lastPathComponent.hasPrefix(".") }
            .sorted { $0.lastPathComponent < $1.lastPathComponent }
        #expect(!files.isEmpty, "no corpus for \(target.rawValue)")
        for file in files {
            try Data(contentsOf: file).withUnsafeBytes { target.run($0) }
        }
        target.run(UnsafeRawBufferPointer(start: nil, count: 0))
    }

    @Test(arguments: [FuzzTarget.httpWait, .serverQueue, .storedSession], 1...40 as ClosedRange<UInt64>)
    func randomInputsPass(_ target: FuzzTarget, seed: UInt64) {
        var state = seed
        let bytes = (0..<700).map { _ in
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            return UInt8(truncatingIfNeeded: state >> 33)
        }
        bytes.withUnsafeBytes { target.run($0) }
    }

    @Test func everyCorpusBelongsToATarget() throws {
        let names = try FileManager.default.contentsOfDirectory(atPath: Self.corpora.path)
        #expect(Set(names.filter { !$0.hasPrefix(".") }) == Set(FuzzTarget.allCases.map(\.rawValue)))
    }
}
