// SPDX-License-Identifier: Apache-2.0

internal import MTProtoCrypto
internal import MTProtoSession
internal import NIOCore

extension ConnectionKeeper {
    /// The machine may sleep meanwhile, which timers do not count.
    private static let longestSleep = TimeAmount.minutes(10)

    /// The server's time in nanoseconds since 1970, as far as it is known.
    private var serverTime: Int64 {
        let now = self.configuration.clock.now()
        return self.driver?.session.serverNanoseconds(at: now) ?? now.wallNanoseconds
    }

    private var isIdle: Bool { self.driver?.session.unansweredQueryCount == 0 }

    /// Whether the key of the session has ended.
    var isKeyExpired: Bool { self.renewal?.isExpired(at: self.serverTime) ?? false }

    /// Sees to it that there is another key before this one ends.
    func watch(_ temporary: SavedConnection.Temporary) {
        let end = Int64(temporary.expiresAt) * 1_000_000_000
        let life = Int64(self.configuration.keyLifetime.expiresIn ?? 0) * 1_000_000_000
        self.renewalNumber += 1
        self.renewal = TemporaryKeyRenewal(
            issuedAt: end &- life,
            expiresAt: end,
            random: self.configuration.random
        )
        self.driver?.onIdle = nil
    }

    /// Does what is due; while there is no link, or the server's time is not known, nothing is.
    func renew() {
        guard self.canRenew else { return }
        guard self.driver?.session.isTimeSynchronized == true else {
            return self.scheduleRenewal(self.serverTime.addingClamped(1_000_000_000))
        }
        self.carryOut(self.renewal?.timerFired(at: self.serverTime, isIdle: self.isIdle))
    }

    /// A task has another key, or has not.
    func renewed(_ temporary: SavedConnection.Temporary?, number: UInt64) {
        guard number == self.renewalNumber, self.renewal != nil else { return }
        self.driver?.plaintext = nil
        guard let temporary else {
            return self.carryOut(self.renewal?.exchangeFailed(at: self.serverTime))
        }
        self.nextTemporary = temporary
        // Without a link there is no idle moment to use.
        self.carryOut(self.renewal?.exchanged(at: self.serverTime, isIdle: self.canRenew && self.isIdle))
    }

    private func carryOut(_ decision: TemporaryKeyRenewal.Decision?) {
        guard let decision else { return }
        self.driver?.onIdle = nil
        switch decision.action {
        case .exchange:
            guard self.beginExchange() else {
                return self.carryOut(self.renewal?.exchangeFailed(at: self.serverTime))
            }
        case .hold:
            self.driver?.isHolding = true
        case .release:
            self.driver?.release()
        case .change:
            return self.change()
        case .expire:
            return self.dropTemporaryKey(because: TemporaryKeyReplaced())
        case nil:
            break
        }
        if self.nextTemporary != nil {
            self.driver?.onIdle = { [weak self] in self?.becameIdle() }
        }
        self.scheduleRenewal(decision.wakeAt)
    }

    private func becameIdle() {
        guard self.canRenew else { return }
        self.carryOut(self.renewal?.becameIdle(at: self.serverTime))
    }

    /// Orders an exchange that shares the session's link.
    ///
    /// - Returns: whether there is one to share.
    private func beginExchange() -> Bool {
        guard self.canRenew, let driver = self.driver, let link = driver.link else { return false }
        let exchange = PlaintextExchange(link: link, clock: self.configuration.clock, isReceiver: false)
        if let offset = driver.session.state.timeOffsetNanoseconds {
            exchange.synchronize(offsetNanoseconds: offset, isProven: true)
        }
        driver.plaintext = exchange
        self.renewalOrder(
            DialedConnection(link: LinkReference(link), exchange: NIOLoopBound(exchange, eventLoop: self.eventLoop))
        )
        return true
    }

    /// Goes on under the next key: the session begins anew on the same link, and takes queries when it is bound.
    private func change() {
        guard self.canRenew, let driver = self.driver, let next = self.nextTemporary, let saved = self.saved else {
            return self.dropTemporaryKey(because: TemporaryKeyReplaced())
        }
        driver.plaintext = nil
        self.began(under: next)
        driver.replaceSession(with: self.makeSession(under: next), because: TemporaryKeyReplaced())
        let number = self.renewalNumber
        let limit = TimeAmount(self.configuration.timeouts.session)
        let timer = self.eventLoop.assumeIsolated().scheduleTask(in: limit) {
            guard number == self.renewalNumber, self.driver === driver, driver.isHolding else { return }
            driver.fail(with: ClientTimeout(limit: limit))
        }
        driver.bind(next, to: saved.permanent, random: self.configuration.random)
            .assumeIsolated().whenComplete { result in
                timer.cancel()
                guard number == self.renewalNumber else { return }
                switch result {
                case .success:
                    self.bound(next)
                    self.driver?.release()
                    self.renew()
                case .failure(let error):
                    self.dropTemporaryKey(because: error)
                }
            }
    }

    private func scheduleRenewal(_ due: Int64?) {
        self.renewalTimer?.cancel()
        guard let due else { return }
        let delay = TimeAmount.nanoseconds(max(0, due.addingClamped(0 &- self.serverTime)))
        self.renewalTimer = self.eventLoop.assumeIsolated().scheduleTask(in: min(delay, Self.longestSleep)) {
            self.renew()
        }
    }
}
