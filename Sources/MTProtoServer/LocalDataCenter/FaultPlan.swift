// SPDX-License-Identifier: Apache-2.0

internal import MTProtoSession
public import MTProtoTransport
internal import NIOCore

/// Faults that a ``LocalDataCenter`` plays, to see what a client makes of them.
///
/// Written as a list: `close-after=2000,delay=50,lose-answer=3`.
public struct FaultPlan: Sendable, Hashable {
    /// Closes a connection after sending so many bytes (`close-after=BYTES`).
    public var closeAfterBytes: Int?
    /// Sends nothing more on a connection after so many bytes (`stall-after=BYTES`).
    public var stallAfterBytes: Int?
    /// Sends in pieces of so many bytes, 1 or more (`trickle=BYTES`).
    public var pieceLength: Int?
    /// Waits so many milliseconds before it answers a query (`delay=MS`).
    public var answerDelayMilliseconds: Int?
    /// Never answers each n-th query (`lose-answer=N`).
    public var lostAnswerPeriod: Int?
    /// Answers every query with an `rpc_error` (`rpc-error=CODE:TEXT`).
    public var rpcErrorCode: Int32?
    /// The text of that error, matching `[A-Z0-9_]+`.
    public var rpcErrorText: String?
    /// Answers every encrypted payload with a transport error (`transport-error=CODE`).
    public var transportError: TransportErrorCode?

    /// No faults.
    public init() {}

    /// Reads a plan.
    ///
    /// - Throws: ``FaultPlanError`` that names the part that is wrong.
    public init(_ specification: String) throws(FaultPlanError) {
        self.init()
        for part in specification.split(separator: ",") {
            let pair = part.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            guard pair.count == 2 else { throw FaultPlanError(part: String(part), reason: "expected NAME=VALUE") }
            try self.set(String(pair[0]), to: String(pair[1]))
        }
    }

    private mutating func set(_ name: String, to value: String) throws(FaultPlanError) {
        switch name {
        case "close-after": self.closeAfterBytes = try Self.number(value, name, atLeast: 0)
        case "stall-after": self.stallAfterBytes = try Self.number(value, name, atLeast: 0)
        case "trickle": self.pieceLength = try Self.number(value, name, atLeast: 1)
        case "delay": self.answerDelayMilliseconds = try Self.number(value, name, atLeast: 0)
        case "lose-answer": self.lostAnswerPeriod = try Self.number(value, name, atLeast: 1)
        case "transport-error":
            let code = try Self.number(value, name, atLeast: 1)
            self.transportError = TransportErrorCode(rawValue: Int32(code))
        case "rpc-error":
            let pair = value.split(separator: ":", maxSplits: 1)
            guard pair.count == 2, let code = Int32(pair[0]), Self.isErrorText(pair[1]) else {
                throw FaultPlanError(part: "\(name)=\(value)", reason: "expected CODE:TEXT, TEXT of A-Z, 0-9 and _")
            }
            self.rpcErrorCode = code
            self.rpcErrorText = String(pair[1])
        default:
            throw FaultPlanError(
                part: name,
                reason: "known are close-after, stall-after, trickle, delay, lose-answer, rpc-error, transport-error"
            )
        }
    }

    private static func number(
        _ value: String,
        _ name: String,
        atLeast minimum: Int
    ) throws(FaultPlanError) -> Int {
        guard let number = Int(value), number >= minimum, number <= Int(Int32.max) else {
            throw FaultPlanError(part: "\(name)=\(value)", reason: "expected a number of at least \(minimum)")
        }
        return number
    }

    private static func isErrorText(_ text: Substring) -> Bool {
        !text.isEmpty && text.utf8.allSatisfy { (0x41...0x5A).contains($0) || (0x30...0x39).contains($0) || $0 == 0x5F }
    }

    var affectsBytes: Bool {
        self.closeAfterBytes != nil || self.stallAfterBytes != nil || self.pieceLength != nil
    }

    var affectsAnswers: Bool {
        self.answerDelayMilliseconds != nil || self.lostAnswerPeriod != nil || self.rpcErrorCode != nil
    }

    /// What becomes of the answer to the query of that number, counted from 1.
    func apply(to response: QueryResponse, number: Int) -> QueryResponse {
        if let period = self.lostAnswerPeriod, number.isMultiple(of: period) {
            return .asynchronous {
                try? await Task.sleep(for: .seconds(86_400))
                return response
            }
        }
        var response = response
        if let code = self.rpcErrorCode, let text = self.rpcErrorText {
            response = .error(code, text)
        }
        guard let delay = self.answerDelayMilliseconds else { return response }
        return .asynchronous { [response] in
            try? await Task.sleep(for: .milliseconds(delay))
            return response
        }
    }
}

/// A fault plan that cannot be read.
public struct FaultPlanError: Error, Hashable, Sendable, CustomStringConvertible {
    /// The part that is wrong.
    public let part: String
    /// What is wrong with it.
    public let reason: String

    /// The part and what is wrong with it.
    public var description: String { "fault '\(self.part)': \(self.reason)" }
}
