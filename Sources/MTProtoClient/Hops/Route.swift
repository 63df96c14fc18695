// SPDX-License-Identifier: Apache-2.0

/// The way to a target: none but the network's, or through proxies, each of which connects to the next one.
public struct Route: Sendable, Hashable, ExpressibleByArrayLiteral, CustomStringConvertible {
    /// No proxies.
    public static let direct = Route([])

    /// The hops, the one that is dialed first.
    public var hops: [Hop]

    /// Makes a route of hops, the one that is dialed first.
    public init(_ hops: [Hop]) {
        self.hops = hops
    }

    /// Makes a route of hops, the one that is dialed first.
    public init(arrayLiteral hops: Hop...) {
        self.init(hops)
    }

    /// Whether there are no hops.
    public var isDirect: Bool { self.hops.isEmpty }

    /// `direct`, or the hops with arrows between them.
    public var description: String {
        self.isDirect ? "direct" : self.hops.map(\.description).joined(separator: " → ")
    }
}
