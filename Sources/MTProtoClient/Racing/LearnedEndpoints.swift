// SPDX-License-Identifier: Apache-2.0

internal import Synchronization

/// What connections have taught about ways to data centres, shared by those that use it and safe to use from anywhere.
///
/// Keep ``statistics`` between runs of a program to begin where the last one has ended.
public final class LearnedEndpoints: Sendable {
    private let state: Mutex<EndpointStatistics>

    /// Begins with what is known already. Default: nothing.
    public init(_ statistics: EndpointStatistics = EndpointStatistics()) {
        self.state = Mutex(statistics)
    }

    /// What is known now.
    public var statistics: EndpointStatistics { self.state.withLock { $0 } }

    func update(_ change: (inout EndpointStatistics) -> Void) {
        self.state.withLock { change(&$0) }
    }
}
