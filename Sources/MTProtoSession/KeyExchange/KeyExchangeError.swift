// SPDX-License-Identifier: Apache-2.0

public import MTProtoCrypto

/// Why a key exchange ended without a key: the phase, and the one rule that was broken.
///
/// Holds no secrets. After any such error the whole exchange is over: nothing that was received may be used,
/// the connection should be closed, and a new attempt starts with new nonces.
///
/// Specification: *Creating an Authorization Key*; *Security Guidelines for Client Developers*.
public struct KeyExchangeError: Error, Hashable, Sendable, CustomStringConvertible {
    /// The step of the exchange, named after what its answer or query carries.
    public enum Phase: String, Hashable, Sendable, CaseIterable {
        /// The configuration, before any message.
        case setup
        /// `req_pq_multi` and `resPQ`.
        case product
        /// `req_DH_params` and `server_DH_params_ok`.
        case parameters
        /// `set_client_DH_params` and `dh_gen_ok`, `dh_gen_retry`, `dh_gen_fail`.
        case verdict
    }

    /// The rule that was broken.
    public enum Reason: Hashable, Sendable {
        // MARK: Either side

        /// A message of another kind than the phase allows, or none of the exchange at all. The constructor, 0 if
        /// the message is shorter than one.
        case unexpectedMessage(constructor: UInt32)
        /// The message does not parse.
        case malformed
        /// The `nonce` is not the run's.
        case nonceMismatch
        /// The `server_nonce` is not the run's.
        case serverNonceMismatch
        /// `encrypted_answer` or `encrypted_data` has a length that no valid value has, in bytes.
        case invalidEncryptedLength(Int)
        /// The decrypted part does not parse.
        case malformedInnerData
        /// The decrypted part does not have the hash that is sent with it.
        case innerHashMismatch
        /// More than 15 bytes follow the decrypted object; the number of bytes.
        case excessivePadding(Int)
        /// The `nonce` inside of the decrypted part is not the run's.
        case innerNonceMismatch
        /// The `server_nonce` inside of the decrypted part is not the run's.
        case innerServerNonceMismatch
        /// g_a (at the client) or g_b (at the server) is outside of the range that is allowed.
        case publicValueOutOfRange
        /// A prime or generator that is not safe, and why.
        case unsafeGroup(CryptoError)
        /// RSA could not be applied.
        case encryptionFailed(CryptoError)
        /// The random source gives no usable exponent.
        case unusableRandomSource
        /// The exchange is over, by success or by an earlier error.
        case ended

        // MARK: Client

        /// None of the server's keys is known: another network (test or production), or a man in the middle. The
        /// fingerprints that the server offered, at most 16.
        case noKnownPublicKey(offered: [UInt64])
        /// pq is not in 2 … 2^63 − 1.
        case productOutOfRange
        /// pq is not the product of two different primes that can be found within the bound.
        case productNotFactorable
        /// `server_DH_params_fail`, genuine: the server refused the query.
        case parametersRefused
        /// The `new_nonce_hash` of a verdict is not the one that belongs to it.
        case newNonceHashMismatch
        /// The server asked for another exponent more often than allowed; the bound.
        case tooManyRetries(Int)
        /// `dh_gen_fail`, genuine: the server refused the key.
        case refused
        /// The key's identifier is zero, which marks plaintext messages.
        case unusableKeyIdentifier

        // MARK: Server

        /// No run has this pair of nonces: never begun, older than its lifetime, or displaced.
        case unknownRun
        /// The run failed earlier; every further query of it is incorrect.
        case runFailed
        /// A query that differs from the one already answered in its step.
        case differingQuery
        /// A query of a step that is not reached yet.
        case outOfOrder
        /// None of the server's keys has the fingerprint.
        case unknownFingerprint(UInt64)
        /// p and q are not the factors of the run's pq.
        case wrongFactors
        /// pq, p or q inside of the decrypted part are not the run's.
        case innerFactorsMismatch
        /// The encrypted part has neither a valid RSA_PAD nor (if accepted) a valid legacy padding.
        case invalidPadding
        /// The client means another data centre; its value on the wire.
        case wrongDataCenter(Int32)
        /// A temporary key's lifetime is not above zero; the seconds.
        case invalidLifetime(Int32)
        /// The `retry_id` is not the one of the attempt.
        case retryIdentifierMismatch
        /// As many runs as configured are under way.
        case tooManyRuns
        /// No private key is configured.
        case noPrivateKey
    }

    /// The step in which the rule was broken.
    public var phase: Phase
    /// The rule.
    public var reason: Reason

    /// Makes an error from its parts.
    public init(_ phase: Phase, _ reason: Reason) {
        self.phase = phase
        self.reason = reason
    }

    /// Whether a new exchange with the same server and configuration may succeed.
    ///
    /// False where the same peer would break the same rule again: an unknown public key, an unsafe group, a
    /// misconfiguration.
    public var canRetry: Bool {
        switch self.reason {
        case .noKnownPublicKey, .unsafeGroup, .encryptionFailed, .unusableRandomSource, .noPrivateKey,
            .wrongDataCenter, .invalidLifetime:
            false
        default:
            true
        }
    }

    /// The phase and the rule in words.
    public var description: String {
        "key exchange, \(self.phase.rawValue): \(self.reason.text)"
    }
}

extension KeyExchangeError.Reason {
    fileprivate var text: String {
        switch self {
        case .unexpectedMessage(let constructor): "unexpected message 0x\(String(constructor, radix: 16))"
        case .malformed: "the message does not parse"
        case .nonceMismatch: "nonce differs"
        case .serverNonceMismatch: "server_nonce differs"
        case .invalidEncryptedLength(let count): "encrypted part of \(count) bytes"
        case .malformedInnerData: "the decrypted part does not parse"
        case .innerHashMismatch: "the decrypted part does not match its hash"
        case .excessivePadding(let count): "\(count) bytes of padding, at most 15 are allowed"
        case .innerNonceMismatch: "nonce differs in the decrypted part"
        case .innerServerNonceMismatch: "server_nonce differs in the decrypted part"
        case .publicValueOutOfRange: "the peer's public value is outside of the allowed range"
        case .unsafeGroup(let error): "unsafe Diffie-Hellman group: \(error)"
        case .encryptionFailed(let error): "RSA failed: \(error)"
        case .unusableRandomSource: "the random source gives no usable exponent"
        case .ended: "the exchange is over"
        case .noKnownPublicKey(let offered):
            "no known public key among \(offered.map { "0x" + String($0, radix: 16) }.joined(separator: ", "))"
        case .productOutOfRange: "pq is out of range"
        case .productNotFactorable: "pq is not a product of two different primes"
        case .parametersRefused: "the server refused the query (server_DH_params_fail)"
        case .newNonceHashMismatch: "new_nonce_hash differs"
        case .tooManyRetries(let bound): "more than \(bound) retries asked for"
        case .refused: "the server refused the key (dh_gen_fail)"
        case .unusableKeyIdentifier: "the key's identifier is zero"
        case .unknownRun: "unknown or expired pair of nonces"
        case .runFailed: "the run failed earlier"
        case .differingQuery: "differs from the query already answered"
        case .outOfOrder: "the step is not reached yet"
        case .unknownFingerprint(let fingerprint): "unknown key fingerprint 0x\(String(fingerprint, radix: 16))"
        case .wrongFactors: "p and q are not the factors of pq"
        case .innerFactorsMismatch: "pq, p or q differ in the decrypted part"
        case .invalidPadding: "no valid RSA padding"
        case .wrongDataCenter(let identifier): "another data centre is meant: \(identifier)"
        case .invalidLifetime(let seconds): "lifetime of \(seconds) seconds"
        case .retryIdentifierMismatch: "retry_id differs"
        case .tooManyRuns: "too many runs under way"
        case .noPrivateKey: "no private key is configured"
        }
    }
}
