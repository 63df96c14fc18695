// SPDX-License-Identifier: Apache-2.0
import MTProtoSession

/// Any `http_wait`, any messages: the deadline is what the formula of the protocol says.
func fuzzHTTPWait(_ input: inout FuzzInput) {
    let start = Int64(input.integer(UInt32.self)) * 1_000_000
    var configuration = HTTPWaitSchedule.Configuration()
    configuration.maximumWait = .milliseconds(Int64(Int16(bitPattern: input.integer(UInt16.self))))
    configuration.collection = .milliseconds(Int64(input.byte()))
    var wait: HTTPWait?
    if input.byte() & 1 == 0 {
        wait = HTTPWait(
            maximumDelay: Int32(bitPattern: input.integer(UInt32.self)),
            waitAfter: Int32(bitPattern: input.integer(UInt32.self)),
            maximumWait: Int32(bitPattern: input.integer(UInt32.self))
        )
    }
    var schedule = HTTPWaitSchedule(requestedAt: start, wait: wait, configuration: configuration)
    let bound = max(configuration.maximumWait, .zero)
    func clamped(_ milliseconds: Int32) -> Int64 {
        Int64(max(min(Duration.milliseconds(milliseconds), bound), .zero) / .nanoseconds(1))
    }
    let latest = start + (wait.map { clamped($0.maximumWait) } ?? Int64(min(.seconds(25), bound) / .nanoseconds(1)))
    precondition(schedule.deadline == latest, "without a message a request waits as long as it may")
    var first: Int64?
    var last = start
    while !input.isAtEnd {
        let moment = start + Int64(Int32(bitPattern: input.integer(UInt32.self))) * 1000
        schedule.messageArrived(at: moment)
        if first == nil { first = max(moment, start) }
        last = max(last, moment)
        guard let wait, let first else { continue }
        let due = min(latest, first + clamped(wait.maximumDelay), last + clamped(wait.waitAfter))
        precondition(schedule.deadline == max(first, due), "not the formula")
    }
    guard let first else { return }
    precondition(schedule.deadline >= first && schedule.deadline <= max(first, latest), "out of bounds")
    schedule.requestAnswered(at: last)
    precondition(wait != nil || schedule.isDue(at: last), "a complete request waits")
}
