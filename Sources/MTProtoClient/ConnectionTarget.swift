// SPDX-License-Identifier: Apache-2.0

public import MTProtoTransport

/// What to connect to.
public struct ConnectionTarget: Sendable, Hashable {
    /// Where the server listens.
    public var endpoint: SocketEndpoint
    /// The data centre that the server is taken for; named in obfuscated headers and in the key exchange.
    public var dataCenter: DataCenterIdentifier

    /// A server at an address or a name.
    ///
    /// - Parameters:
    ///   - endpoint: host and port.
    ///   - dataCenter: the data centre it is. Default: number 2 of production.
    public static func endpoint(
        _ endpoint: SocketEndpoint,
        dataCenter: DataCenterIdentifier = DataCenterIdentifier(number: 2)
    ) -> ConnectionTarget {
        ConnectionTarget(endpoint: endpoint, dataCenter: dataCenter)
    }

    /// One of Telegram's data centres, at its built-in IPv4 address, port 443.
    ///
    /// - Parameters:
    ///   - number: 1…5, or 1…3 of the test ones.
    ///   - isTest: whether a test data centre is meant.
    ///   - isMedia: whether its media part is meant.
    /// - Throws: ``MTProtoClientError`` with ``MTProtoClientError/Code/invalidConfiguration`` when there is no such data centre.
    public static func dataCenter(
        _ number: Int16,
        isTest: Bool = false,
        isMedia: Bool = false
    ) throws(MTProtoClientError) -> ConnectionTarget {
        let addresses = isTest ? Self.testAddresses : Self.productionAddresses
        guard let address = addresses[number], let endpoint = try? SocketEndpoint(host: address, port: 443) else {
            throw MTProtoClientError(
                .invalidConfiguration,
                phase: .dial,
                message: "there is no \(isTest ? "test " : "")data centre \(number)"
            )
        }
        return ConnectionTarget(
            endpoint: endpoint,
            dataCenter: DataCenterIdentifier(number: number, isTest: isTest, isMedia: isMedia)
        )
    }

    private static let productionAddresses: [Int16: String] = [
        1: "149.154.175.50",
        2: "149.154.167.51",
        3: "149.154.175.100",
        4: "149.154.167.91",
        5: "149.154.171.5",
    ]

    private static let testAddresses: [Int16: String] = [
        1: "149.154.175.10",
        2: "149.154.167.40",
        3: "149.154.175.117",
    ]
}
