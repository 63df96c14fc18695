// SPDX-License-Identifier: Apache-2.0

internal import NIOCore

extension ConnectionEstablisher {
    /// Closes what there is, and says what went wrong, with the steps that had ended well.
    func failure(of error: any Error, _ holder: ConnectionHolder) async -> MTProtoClientError {
        // The winner of a race need not wait until the losers have said goodbye.
        if !(holder.reason is AttemptOvertaken) { await holder.closeAndWait() }
        var cause = holder.reason ?? error
        // Why everything was tried again says more than that time has run out.
        let timeout = cause as? ClientTimeout
        if timeout != nil, let failure = await holder.retriedFailure() { cause = failure }
        // And at which proxy it has.
        if let limit = cause as? ClientTimeout, let failure = error as? HopFailure {
            cause = HopFailure(index: failure.index, hop: failure.hop, cause: limit)
        }
        var failure = MTProtoClientError.make(from: cause, phase: self.phase, endpoint: "\(self.chain.target)")
        if let timeout, failure.code != .timeout {
            failure.message += "; tried again until the limit of \(timeout.limit.nanoseconds / 1_000_000) ms"
        }
        failure.steps = self.steps
        // Nothing on the wire tells a wrong secret from a server that is not there: a proxy may take all and say nothing.
        let isSilence = failure.code == .timeout || failure.code == .connectionClosed
        if isSilence, !self.hasAnswer, failure.hop == nil, let proxy = self.chain.mtproxy {
            let text = failure.message.isEmpty ? "" : "\(failure.message); "
            failure.message = "\(text)\(proxy) may not know this secret"
        }
        return failure
    }
}
