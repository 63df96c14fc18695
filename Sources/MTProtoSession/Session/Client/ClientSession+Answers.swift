// SPDX-License-Identifier: Apache-2.0

internal import NIOCore

extension ClientSession {
    /// Processes `rpc_result`: the answer to a query, or to a service message that the server wraps.
    mutating func receiveResult(
        _ result: RPCResult,
        from source: Source,
        at now: SessionTime,
        events: inout [ClientSessionEvent]
    ) {
        guard let number = self.queries.number(forIdentifier: result.requestIdentifier),
            let record = self.queries[number]
        else {
            self.receiveWrapped(result, from: source, at: now, events: &events)
            return
        }
        let query = Query(number: number)
        let answer: ByteBuffer
        do {
            answer = try self.unpack(result.result)
        } catch {
            let code: SessionError.Code = error.code == .limitExceeded ? .answerTooLarge : .malformedAnswer
            self.fail(number, SessionError(code, deliveryState: .delivered), events: &events)
            return
        }
        switch answer.tlConstructor {
        case nil:
            self.fail(number, SessionError(.malformedAnswer, deliveryState: .delivered), events: &events)
        case RPCErrorMessage.constructor:
            guard let message = try? RPCErrorMessage(answer) else {
                self.fail(number, SessionError(.malformedAnswer, deliveryState: .delivered), events: &events)
                return
            }
            self.queries.remove(number)
            events.append(.rpcError(query, message))
        case RPCAnswerUnknown.constructor, RPCAnswerDroppedRunning.constructor, RPCAnswerDropped.constructor:
            if record.isCancelled, let outcome = try? RPCDropAnswerResult(answer) {
                self.finishCancelled(number, outcome, events: &events)
            } else {
                self.queries.remove(number)
                events.append(.result(query, answer))
            }
        default:
            self.queries.remove(number)
            events.append(.result(query, answer))
        }
    }

    /// Processes the answer to a service message that came as `rpc_result`.
    private mutating func receiveWrapped(
        _ result: RPCResult,
        from source: Source,
        at now: SessionTime,
        events: inout [ClientSessionEvent]
    ) {
        guard case .service(let pending)? = self.sent[result.requestIdentifier]?.content,
            let answer = try? self.unpack(result.result)
        else { return }
        let isError = answer.tlConstructor == RPCErrorMessage.constructor
        switch pending.message {
        case .dropAnswer(let number):
            self.sent.remove(result.requestIdentifier)
            guard self.queries[number]?.isCancelled == true else { return }
            let outcome = isError ? .unknown(RPCAnswerUnknown()) : try? RPCDropAnswerResult(answer)
            guard let outcome else { return }
            self.finishCancelled(number, outcome, events: &events)
        case .destroySession(let identifier) where isError:
            self.receiveDestroyedSession(identifier, existed: false, events: &events)
        case .destroyAuthorizationKey where isError:
            self.receiveDestroyedKey(.fail(DestroyAuthKeyFail()), events: &events)
        default:
            guard let body = try? MessageBody.parse(answer, isContained: true).body else { return }
            self.receiveService(body, from: source, at: now, events: &events)
        }
    }

    /// Ends a query without an answer.
    mutating func fail(_ number: UInt64, _ error: SessionError, events: inout [ClientSessionEvent]) {
        guard self.queries.remove(number) != nil else { return }
        events.append(.failed(Query(number: number), error))
    }

    /// Ends a query that was cancelled.
    mutating func finishCancelled(
        _ number: UInt64,
        _ outcome: RPCDropAnswerResult,
        events: inout [ClientSessionEvent]
    ) {
        guard self.queries.remove(number) != nil else { return }
        events.append(.dropped(Query(number: number), outcome))
    }
}
