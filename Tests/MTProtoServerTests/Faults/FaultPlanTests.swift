// SPDX-License-Identifier: Apache-2.0

import MTProtoTransport
import Testing

@testable import MTProtoServer

/// The notation of faults.
struct FaultPlanTests {
    @Test func everyFaultIsRead() throws {
        let plan = try FaultPlan(
            "close-after=2000,stall-after=30,trickle=7,delay=50,lose-answer=3,rpc-error=420:FLOOD_WAIT_30,transport-error=429"
        )
        var expected = FaultPlan()
        expected.closeAfterBytes = 2_000
        expected.stallAfterBytes = 30
        expected.pieceLength = 7
        expected.answerDelayMilliseconds = 50
        expected.lostAnswerPeriod = 3
        expected.rpcErrorCode = 420
        expected.rpcErrorText = "FLOOD_WAIT_30"
        expected.transportError = .flood
        #expect(plan == expected)
    }

    @Test(
        "Each fault alone concerns bytes, answers, or neither",
        arguments: [
            ("", false, false), ("close-after=0", true, false), ("stall-after=0", true, false),
            ("trickle=1", true, false),
            ("delay=0", false, true), ("lose-answer=1", false, true), ("rpc-error=-503:TIMEOUT", false, true),
            ("transport-error=404", false, false),
        ]
    )
    func effect(specification: String, bytes: Bool, answers: Bool) throws {
        let plan = try FaultPlan(specification)
        #expect(plan.affectsBytes == bytes)
        #expect(plan.affectsAnswers == answers)
    }

    @Test(
        "What cannot be read is named",
        arguments: [
            ("close-after", "close-after"), ("close-after=", "close-after="), ("close-after=-1", "close-after=-1"),
            ("close-after=x", "close-after=x"), ("trickle=0", "trickle=0"), ("lose-answer=0", "lose-answer=0"),
            ("delay=2147483648", "delay=2147483648"), ("delay=99999999999999999999", "delay=99999999999999999999"),
            ("transport-error=0", "transport-error=0"), ("transport-error=-404", "transport-error=-404"),
            ("rpc-error=420", "rpc-error=420"), ("rpc-error=:X", "rpc-error=:X"), ("rpc-error=400:", "rpc-error=400:"),
            ("rpc-error=400:lower", "rpc-error=400:lower"), ("rpc-error=x:Y", "rpc-error=x:Y"),
            ("explode=1", "explode"),
            ("delay=1,trickle=0", "trickle=0"), ("=1", ""),
        ]
    )
    func refused(specification: String, part: String) {
        #expect { try FaultPlan(specification) } throws: { error in
            (error as? FaultPlanError)?.part == part
        }
    }
}
