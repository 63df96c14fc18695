// SPDX-License-Identifier: Apache-2.0

internal import MTProtoSession
internal import NIOCore

extension ConnectionKeeper {
    func invoke(
        _ query: ByteBuffer,
        number: UInt64,
        result: EventLoopPromise<ByteBuffer>,
        quickAck: EventLoopPromise<Void>?
    ) {
        self.readClocks()
        if let driver = self.driver {
            return driver.invoke(query, number: number, isService: false, result: result, quickAck: quickAck)
        }
        let waiting = HeldQuery(query: query, number: number, result: result, quickAck: quickAck)
        if let failure = self.failure { return waiting.fail(with: failure) }
        guard self.held.hasRoom(for: waiting, within: self.configuration.session, besides: 0) else {
            return waiting.fail(with: SessionError(.queueFull, deliveryState: .notDelivered))
        }
        self.held.append(waiting)
    }

    func cancel(_ number: UInt64, because reason: any Error) {
        if let driver = self.driver { return driver.cancel(number, because: reason) }
        self.held.remove(number)?.fail(with: reason)
    }

    /// The state to save; `nil` before there are keys.
    var state: SavedConnection? {
        guard var saved = self.saved, let driver = self.driver else { return self.saved }
        // What the session has learned since: salts, and the time.
        let current = driver.session.state
        if let temporary = saved.temporary {
            guard temporary.session.authorizationKey == current.authorizationKey else { return saved }
            saved.temporary?.session = current
        } else if saved.permanent.authorizationKey == current.authorizationKey {
            saved.permanent = current
        }
        return saved
    }
}

extension ConnectionKeeper: ConnectionEventsHost {
    func produceEvents(to source: ConnectionEventsSource) {
        if let driver = self.driver { return driver.produceEvents(to: source) }
        self.eventsSource?.finish()
        guard self.failure == nil else { return source.finish() }
        self.eventsSource = source
    }

    func eventDemandChanged(isExhausted: Bool) {
        self.driver?.eventDemandChanged(isExhausted: isExhausted)
    }
}
