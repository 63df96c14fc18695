// SPDX-License-Identifier: Apache-2.0

internal import MTProtoCrypto
internal import MTProtoSession
internal import MTProtoTransport
internal import NIOCore
internal import NIOPosix

extension ServerConnectionHandler {
    /// A plaintext payload: one step of a key exchange. The arithmetic runs on the thread pool.
    func receivePlaintext(_ payload: ByteBuffer, context: ChannelHandlerContext) {
        let message: PlaintextMessage
        do {
            message = try PlaintextMessage(parsing: payload)
        } catch {
            return self.refuse(.notFound)
        }
        let constructor = message.body.getInteger(
            at: message.body.readerIndex,
            endianness: .little,
            as: UInt32.self
        )
        let isAllowed = self.keyExchangeAllowance.take(
            isCostly: constructor == RequestDHParameters.constructor,
            limit: self.shared.configuration.limits.keyExchangesPerMinute,
            at: context.eventLoop.now
        )
        guard isAllowed, self.shared.beginKeyExchangeStep() else {
            return self.refuse(.flood)
        }
        let shared = self.shared
        let source = context.channel.remoteAddress?.ipAddress
        let step = shared.configuration.threadPool.runIfActive(eventLoop: context.eventLoop) {
            shared.keyExchanges.respond(to: message.body, at: shared.configuration.clock.now(), from: source)
        }
        let outcome = step.flatMapWithEventLoop { response, eventLoop in
            shared.store(response, on: eventLoop)
        }
        outcome.whenComplete { _ in shared.endKeyExchangeStep() }
        self.suspendProcessing(until: outcome) { response in
            switch response {
            case .reply(let body), .replyAndStore(let body, _):
                self.writePlaintext(body)
            case .transportError(let code):
                self.refuse(code)
            case .ignore:
                self.transportHandler.answerWithNothing()
                self.requestAnswered()
            }
        }
    }

    private func writePlaintext(_ body: ByteBuffer) {
        let now = self.shared.configuration.clock.now()
        let identifier = self.plaintextIdentifiers.next(serverNanoseconds: now.wallNanoseconds, isResponse: true)
        let message = PlaintextMessage(identifier: identifier, body: body)
        self.write(.payload(message.serialized(), requestQuickAck: false))
        self.context?.flush()
    }
}

extension ServerContext {
    /// Stores the key that an exchange made, if it made one, and returns what the client is told then.
    fileprivate func store(
        _ response: ServerKeyExchangeTable.Response,
        on eventLoop: any EventLoop
    ) -> EventLoopFuture<ServerKeyExchangeTable.Response> {
        guard case .replyAndStore(_, let established) = response else {
            return eventLoop.makeSucceededFuture(response)
        }
        let store = self.configuration.authorizationKeys
        let record = AuthorizationKeyRecord(
            key: established.authorizationKey,
            salts: ServerSaltSchedule(
                initialSalt: established.initialSalt,
                createdAt: established.createdAt,
                seed: .random(self.configuration.random)
            ),
            expiresAt: established.expiresAt,
            dataCenter: established.dataCenter.flatMap { DataCenterIdentifier(encoded: $0) }
        )
        return eventLoop.makeFutureWithTask {
            do {
                let isStored = try await store.insert(record)
                return self.keyExchanges.confirm(
                    established,
                    isStored ? .stored : .identifierTaken,
                    at: self.configuration.clock.now()
                )
            } catch {
                _ = self.keyExchanges.confirm(established, .failed, at: self.configuration.clock.now())
                throw error
            }
        }
    }
}
