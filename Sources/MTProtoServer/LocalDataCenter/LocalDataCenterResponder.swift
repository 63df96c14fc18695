// SPDX-License-Identifier: Apache-2.0

internal import MTProtoCrypto
internal import MTProtoSession
internal import MTProtoTransport
internal import NIOCore
internal import Synchronization

/// The queries that a local data centre answers.
final class LocalDataCenterResponder: QueryResponder {
    private let dataCenterNumber: Int16
    private let isTest: Bool
    private let clock: SessionClock
    private let faults: FaultPlan
    private let addresses = Mutex<[SocketAddress]>([])
    private let queryCount = Atomic<Int>(0)

    /// `auth.dropTempAuthKeys#8e48a188 except_auth_keys:Vector<long> = Bool`: TDLib repeats it until it is answered.
    private static let dropTemporaryKeysConstructor: UInt32 = 0x8E48_A188
    /// `users.getUsers#0d91a548` and `updates.getState#edd4882a`: with these, clients find out whether anybody is logged in,
    /// and only 401 means "nobody" to them.
    private static let constructorsOfAccounts: Set<UInt32> = [0x0D91_A548, 0xEDD4_882A]
    /// The data centres of which the configuration lists addresses: the five of production.
    private static let listedDataCenters: ClosedRange<Int32> = 1...5
    private static let configurationLifetimeSeconds: Int32 = 3_600

    init(dataCenterNumber: Int16, isTest: Bool, clock: SessionClock, faults: FaultPlan) {
        self.dataCenterNumber = dataCenterNumber
        self.isTest = isTest
        self.clock = clock
        self.faults = faults
    }

    func setAddresses(_ addresses: [SocketAddress]) {
        self.addresses.withLock { $0 = addresses }
    }

    func respond(to query: ByteBuffer, context: QueryContext) -> QueryResponse {
        let response = self.answer(to: query, context: context)
        guard self.faults.affectsAnswers else { return response }
        let number = self.queryCount.add(1, ordering: .relaxed).newValue
        return self.faults.apply(to: response, number: number)
    }

    private func answer(to query: ByteBuffer, context: QueryContext) -> QueryResponse {
        guard let constructor = query.getInteger(at: query.readerIndex, endianness: .little, as: UInt32.self) else {
            return .error(400, "INPUT_REQUEST_TOO_SHORT")
        }
        switch constructor {
        case LocalDataCenter.echoConstructor:
            return .result(query)
        case HelpGetConfig.constructor:
            return .result(self.configuration(for: context))
        case HelpGetNearestDataCenter.constructor:
            let number = Int32(self.number(for: context))
            return .result(
                NearestDataCenter(country: "NL", thisDataCenter: number, nearestDataCenter: number).serialized()
            )
        case HelpGetCDNConfig.constructor:
            return .result(CDNConfig(publicKeys: []).serialized())
        case Self.dropTemporaryKeysConstructor:
            return .result(ByteBuffer(tlBoolean: true))
        case let constructor where Self.constructorsOfAccounts.contains(constructor):
            return .error(401, "AUTH_KEY_UNREGISTERED")
        default:
            return .error(400, "INPUT_METHOD_INVALID")
        }
    }

    /// The number of the data centre that the client believes it is in: a client that is told another one asks for ever.
    private func number(for context: QueryContext) -> Int16 {
        context.dataCenter?.number ?? self.dataCenterNumber
    }

    private func configuration(for context: QueryContext) -> ByteBuffer {
        let now = Int32(clamping: self.clock.now().wallNanoseconds / 1_000_000_000)
        let number = Int32(self.number(for: context))
        let config = Config(
            date: now,
            expires: now &+ Self.configurationLifetimeSeconds,
            isTest: context.dataCenter?.isTest ?? self.isTest,
            thisDataCenter: number,
            options: self.options(including: number, seenFrom: context)
        )
        return config.serialized(edition: Config.Edition(layer: context.layer))
    }

    private func options(including number: Int32, seenFrom context: QueryContext) -> [DataCenterOption] {
        var endpoints: [(address: String, port: Int, isIPv6: Bool)] = []
        for address in self.addresses.withLock({ $0 }) {
            guard let port = address.port else { continue }
            // A socket on all addresses is reached by the one that this client used.
            let reachable = address.isWildcard ? context.localAddress : address
            guard let ip = reachable?.ipAddress else { continue }
            endpoints.append((ip, port, reachable?.protocol == .inet6))
        }
        let numbers = Array(Self.listedDataCenters) + (Self.listedDataCenters.contains(number) ? [] : [number])
        return numbers.flatMap { number in
            endpoints.map { endpoint in
                var option = DataCenterOption(
                    identifier: number,
                    address: endpoint.address,
                    port: Int32(endpoint.port)
                )
                option.isIPv6 = endpoint.isIPv6
                option.isThisPortOnly = true
                return option
            }
        }
    }
}

extension SocketAddress {
    fileprivate var isWildcard: Bool {
        self.ipAddress == "0.0.0.0" || self.ipAddress == "::"
    }
}
