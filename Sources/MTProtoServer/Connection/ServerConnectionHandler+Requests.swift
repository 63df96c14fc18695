// SPDX-License-Identifier: Apache-2.0

internal import MTProtoCrypto
internal import MTProtoSession
internal import MTProtoTransport
internal import NIOCore

/// What a session made of the payload of an HTTP request.
struct RequestReceipt: Sendable {
    let actions: [ServerSessionAction]
    /// The response to a payload that was not accepted.
    let refusal: ByteBuffer?
    /// Whether the payload was the session's first, accepted or not.
    let isFirst: Bool
    let unpackingBudget: Int
    let output: TurnOutput
}

extension ServerConnectionHandler {
    /// An encrypted payload of an HTTP request.
    func receiveRequest(
        _ message: EncryptedMessage,
        in session: ServerSessionIdentifier,
        key: AuthorizationKeyRecord,
        at now: SessionTime,
        context: ChannelHandlerContext
    ) {
        let random = self.shared.configuration.random
        let mayBegin = self.sessionAllowance.mayBegin(
            session,
            limit: self.shared.configuration.limits.sessionsPerMinute,
            at: context.eventLoop.now
        )
        let result = self.shared.configuration.sessions.change(
            session,
            on: context.eventLoop,
            makingIfMissing: mayBegin ? self.shared.makeSession : nil
        ) { session in
            let isFirst = !session.hasAcceptedMessages
            let actions = session.receive(message, salts: key.salts, at: now)
            let refusal =
                actions.isAccepted
                ? nil
                : session.refusal(
                    of: message,
                    notices: actions.notices,
                    authorizationKey: key.key,
                    salts: key.salts,
                    at: now,
                    random: random
                )
            return RequestReceipt(
                actions: actions,
                refusal: refusal,
                isFirst: isFirst,
                unpackingBudget: session.remainingInflatedByteCount,
                output: TurnOutput(session, at: now)
            )
        }
        switch result {
        case .immediate(let receipt):
            self.received(receipt, in: session, key: key, at: now, context: context)
            if !self.isBusy { self.settleTurn() }
        case .later(let future):
            self.suspendProcessing(
                until: future,
                abandoned: { self.abandon($0, in: session) },
                then: { self.received($0, in: session, key: key, at: now, context: context) }
            )
        }
    }

    private func received(
        _ receipt: RequestReceipt?,
        in session: ServerSessionIdentifier,
        key: AuthorizationKeyRecord,
        at now: SessionTime,
        context: ChannelHandlerContext
    ) {
        // There is no such session, and this connection has begun enough of them.
        guard let receipt else { return self.refuse(.flood) }
        if receipt.isFirst { self.sessionAllowance.began(session) }
        if let refusal = receipt.refusal {
            // It does not attach its connection to the session.
            return self.send(response: refusal)
        }
        self.keyShown(session.authorizationKey)
        self.turnCount += 1
        self.beginTurn(
            HTTPTurn(
                session: session,
                number: self.turnCount,
                key: key.key,
                salts: key.salts,
                notices: receipt.actions.notices,
                output: receipt.output,
                at: now
            ),
            key: key
        )
        self.unpackingBudget = receipt.unpackingBudget
        self.perform(receipt.actions, in: session, quickAckToken: nil, context: context)
    }

    /// The session has accepted a payload, and the connection is closing: nobody will run its queries.
    private func abandon(_ receipt: RequestReceipt?, in session: ServerSessionIdentifier) {
        for case .query(let query) in receipt?.actions ?? [] {
            let error = RPCErrorMessage(code: 500, message: "QUERY_CANCELLED")
            self.lateUpdates.append((session, .error(error, of: query.messageIdentifier)))
        }
        self.progressTurn()
    }
}
