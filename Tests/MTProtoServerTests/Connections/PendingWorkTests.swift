// SPDX-License-Identifier: Apache-2.0

import NIOCore
import NIOPosix
import Testing

@testable import MTProtoServer

/// What the end of a server waits for.
struct PendingWorkTests {
    private let eventLoop = MultiThreadedEventLoopGroup.singleton.next()

    @Test func theEndOfTheLastIsWaitedFor() async {
        let work = PendingWork()
        #expect(await work.waitUntilDone(within: .hours(1), on: self.eventLoop) == 0)
        work.begin()
        work.begin()
        self.eventLoop.execute {
            work.end()
            work.end()
        }
        #expect(await work.waitUntilDone(within: .hours(1), on: self.eventLoop) == 0)
    }

    @Test func whatIsNotDoneInTimeIsCounted() async {
        let work = PendingWork()
        for _ in 0..<3 { work.begin() }
        work.end()
        #expect(await work.waitUntilDone(within: .milliseconds(1), on: self.eventLoop) == 2)
    }
}
