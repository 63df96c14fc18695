// SPDX-License-Identifier: Apache-2.0

internal import MTProtoSession
internal import MTProtoTransport

/// Why a link could not be had, or ended, as far as it decides what comes next.
enum ReconnectCause: Hashable, Sendable {
    /// Trying again may help.
    case passing
    /// The same, and there is no way out of this machine at the moment.
    case noRoute
    /// The server says that there is too much of us.
    case flood
    /// Somebody says that the key is not known: the server, or anybody on the way, for that is not authenticated.
    case keyRefused
    /// Somebody says that we are not wanted: the same.
    case refused
    /// The server has proven to be itself, and does not take the temporary key.
    case temporaryKeyUnusable
    /// Trying again cannot help.
    case lasting

    /// What the server answers when a temporary key is not, or no longer, bound.
    private static let unboundErrors: Set<String> = [
        "AUTH_KEY_PERM_EMPTY", "TEMP_AUTH_KEY_ALREADY_BOUND", "TEMP_AUTH_KEY_EMPTY",
    ]

    /// Judges an error.
    ///
    /// - Parameters:
    ///   - error: of an attempt, or of a link that was ready.
    ///   - hasTemporaryKey: whether the session runs under a temporary key.
    ///   - hasWorked: whether this client, or the one whose state it goes on from, was ready before. Then what speaks another
    ///     protocol, or has another certificate, is something on the way, like the portal of a hotel, and goes away; else it
    ///     is a mistake in the configuration.
    init(_ error: MTProtoClientError, hasTemporaryKey: Bool, hasWorked: Bool) {
        switch error.code {
        case .transportError where error.transportError == .flood:
            self = .flood
        case .transportError where error.transportError == .notFound:
            // Before there is a session it is the run of the key exchange that is not known.
            self = .passing
        case .transportError:
            self = .refused
        case .upgradeRefused where error.httpStatus == 429, .http where error.httpStatus == 429:
            self = .flood
        case .authorizationKeyUnknown:
            self = .keyRefused
        case .rpcError where hasTemporaryKey && Self.unboundErrors.contains(error.rpcError?.message ?? ""):
            self = .temporaryKeyUnusable
        case .rpcError where error.rpcError?.code == 420:
            self = .flood
        case .rpcError:
            // Nobody but the server can have said so.
            self = error.isRetryable ? .passing : .lasting
        case .unreachable:
            self = .noRoute
        case .cancelled:
            self = .passing
        case .invalidConfiguration:
            self = .lasting
        default:
            self = hasWorked || error.isRetryable ? .passing : .lasting
        }
    }
}
