// SPDX-License-Identifier: Apache-2.0

internal import MTProtoTransport

/// One way to a data centre: a transport to an endpoint by a route.
struct ConnectionCandidate: Sendable {
    let chain: HopChain
    let route: Route

    /// The way's text, which names it in ``EndpointStatistics``: without credentials and secrets.
    var way: String {
        let end = self.chain.mtproxy != nil ? "" : " to \(self.chain.target)"
        return "\(self.chain.target.transport)\(end) by \(self.route)"
    }

    /// What two candidates have in common only if they are the same, with credentials and secrets.
    struct Identity: Hashable {
        private let target: ResolvedTarget?
        private let transport: ClientTransport
        private let secret: ProxySecret?
        private let route: Route

        fileprivate init(_ candidate: ConnectionCandidate) {
            self.target = candidate.chain.mtproxy != nil ? nil : candidate.chain.target
            self.transport = candidate.chain.target.transport
            self.secret = candidate.chain.secret
            self.route = candidate.route
        }
    }

    var identity: Identity { Identity(self) }

    /// Whether the target has an IPv6 address.
    var isIPv6: Bool { self.chain.target.endpoint.socket.host.contains(":") }
}

/// The candidates of a race, in their order: a pure function of target, configuration and what is known.
struct CandidateList: Sendable {
    /// More are not tried at a time.
    static let maximumCount = 64
    /// How many of them a group leaves to each of those behind it, if they have so many.
    private static let reservedCount = 8

    /// The groups that are raced one after the other; none is empty.
    private(set) var rungs: [[ConnectionCandidate]] = []

    /// Finds the candidates: the transports of the strategy at the target's endpoints by the routes. The best endpoint comes
    /// first by each transport and route, then the second one. What cannot be, such as a WebSocket through an MTProxy, is left
    /// out.
    ///
    /// - Parameter now: seconds since 1970.
    /// - Throws: ``MTProtoClientError`` when there is none: why the first one cannot be.
    init(target: ConnectionTarget, configuration: ClientConfiguration, at now: Int64) throws(MTProtoClientError) {
        let strategy = configuration.strategy ?? .transport(configuration.transport)
        let statistics = configuration.learned.statistics
        var impossibility: MTProtoClientError?
        var known: Set<ConnectionCandidate.Identity> = []
        let groups = strategy.rungs.map { transports in
            let candidates = Self.ranked(target, transports, configuration, &impossibility)
                .filter { known.insert($0.identity).inserted }
            let learned = statistics.order(of: candidates.map(\.way), at: now).map { candidates[$0] }
            guard configuration.dataCenterOptions.forcesIPv6 || configuration.endpointPolicy.prefersIPv6 else {
                return learned
            }
            // Whatever works.
            return learned.filter(\.isIPv6) + learned.filter { !$0.isIPv6 }
        }
        self.rungs = Self.limited(groups.filter { !$0.isEmpty })
        guard !self.rungs.isEmpty else {
            throw impossibility
                ?? MTProtoClientError(.invalidConfiguration, phase: .dial, message: "there is no transport or no route")
        }
        if self.rungs.joined().contains(where: { !$0.chain.target.transport.isStream }) {
            try configuration.http.validate()
        }
        // A group of which nothing is known to work and something has failed lately lets the others go first. Not all of a group
        // need have been tried: it may have been too slow, and the next one faster.
        let isFailing = self.rungs.map { rung in
            let ways = rung.map(\.way)
            return ways.contains { statistics.hasFailedLately($0, at: now) }
                && !ways.contains { statistics.works($0, at: now) }
        }
        let order = self.rungs.indices.sorted { isFailing[$0] == isFailing[$1] ? $0 < $1 : !isFailing[$0] }
        self.rungs = order.map { self.rungs[$0] }
    }

    /// The first candidates of each group, so that there is room for the groups behind it.
    private static func limited(_ groups: [[ConnectionCandidate]]) -> [[ConnectionCandidate]] {
        var room = Self.maximumCount
        return groups.indices.prefix(Self.maximumCount).map { index in
            let reserved = groups[(index + 1)...].reduce(0) { $0 + min($1.count, Self.reservedCount) }
            let taken = groups[index].prefix(max(1, room - reserved))
            room -= taken.count
            return Array(taken)
        }
    }

    /// The candidates of one rung in the policy's order.
    private static func ranked(
        _ target: ConnectionTarget,
        _ transports: [ClientTransport],
        _ configuration: ClientConfiguration,
        _ impossibility: inout MTProtoClientError?
    ) -> [ConnectionCandidate] {
        var lists: [[ConnectionCandidate]] = []
        for transport in transports {
            for route in configuration.routes {
                do throws(MTProtoClientError) {
                    let choices = try target.choices(
                        by: transport,
                        options: configuration.dataCenterOptions,
                        policy: configuration.endpointPolicy,
                        isProxied: !route.isDirect
                    )
                    let candidates = try choices.map { choice throws(MTProtoClientError) in
                        let chain = try HopChain(route: route, target: choice.target, secret: choice.secret)
                        return ConnectionCandidate(chain: chain, route: route)
                    }
                    // An MTProxy finds the data centre itself, whatever addresses it has.
                    let count = candidates.first?.chain.mtproxy == nil ? candidates.count : 1
                    lists.append(Array(candidates.prefix(count)))
                } catch {
                    if impossibility == nil { impossibility = error }
                }
            }
        }
        let count = lists.map(\.count).max() ?? 0
        return (0..<count).flatMap { rank in lists.compactMap { $0.indices.contains(rank) ? $0[rank] : nil } }
    }

    /// How many there are.
    var count: Int { self.rungs.reduce(0) { $0 + $1.count } }
}
