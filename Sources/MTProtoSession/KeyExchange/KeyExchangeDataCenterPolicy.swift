// SPDX-License-Identifier: Apache-2.0

public import MTProtoTransport

/// Which data centre a client must mean when it makes a key.
///
/// Inner data without a data centre (the older forms) is not subject to it.
///
/// Specification: *Creating an Authorization Key*, step 4 (`dc`); transport error 444 of *MTProto transports*.
public enum KeyExchangeDataCenterPolicy: Hashable, Sendable {
    /// Any value is accepted.
    case any

    /// One of these. The number and the test mark (+10000) must agree; the sign (media) is free, because the same
    /// keys serve both sorts of endpoint.
    case oneOf([DataCenterIdentifier])

    /// Whether the value of the wire is accepted.
    public func accepts(_ encoded: Int32) -> Bool {
        switch self {
        case .any: true
        case .oneOf(let identifiers): identifiers.contains { Int32($0.encoded).magnitude == encoded.magnitude }
        }
    }
}
