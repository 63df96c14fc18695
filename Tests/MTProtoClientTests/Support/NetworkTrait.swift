// SPDX-License-Identifier: Apache-2.0

import MTProtoTestSupport
import Testing

/// Marks tests that talk over sockets: each case waits for one of the ``TestPlaces``.
struct NetworkTrait: TestTrait, SuiteTrait, TestScoping {
    var isRecursive: Bool { true }

    func provideScope(
        for test: Test,
        testCase: Test.Case?,
        performing function: @Sendable () async throws -> Void
    ) async throws {
        // A suite or a function as a whole only waits for its cases.
        guard testCase != nil else { return try await function() }
        try await TestPlaces.shared.withPlace(function)
    }
}

extension Trait where Self == NetworkTrait {
    static var network: Self { Self() }
}
