// SPDX-License-Identifier: Apache-2.0

/// How long the authorization key of an exchange is meant to live.
///
/// Specification: *Creating an Authorization Key*, step 4; *Perfect Forward Secrecy*.
public enum KeyLifetime: Hashable, Sendable {
    /// A key without an end, to be stored by the client. `p_q_inner_data_dc` on the wire.
    case permanent

    /// A key that the server forgets after `expiresIn` seconds at the latest, to be bound to a permanent one.
    /// Seconds, above zero; 86 400 is usual. `p_q_inner_data_temp_dc` on the wire.
    case temporary(expiresIn: Int32)

    /// The seconds of a temporary key, nil for a permanent one.
    public var expiresIn: Int32? {
        switch self {
        case .permanent: nil
        case .temporary(let expiresIn): expiresIn
        }
    }
}
