// SPDX-License-Identifier: Apache-2.0

internal import MTProtoSession
public import NIOCore

/// A query on its way.
public struct SentQuery: Sendable {
    let sender: any QuerySender
    let number: UInt64
    let resultFuture: EventLoopFuture<ByteBuffer>
    let quickAckFuture: EventLoopFuture<Void>?

    /// Returns when the server has said that it has the query: by a quick acknowledgement, an acknowledgement or the result.
    /// Cancelling the task that waits gives the query up.
    ///
    /// - Throws: ``MTProtoClientError`` when the connection ends first, or the query fails.
    public func received() async throws {
        guard let quickAckFuture = self.quickAckFuture else { return }
        do {
            try await withTaskCancellationHandler {
                try await quickAckFuture.get()
            } onCancel: {
                self.sender.cancel(self.number)
            }
        } catch {
            throw self.sender.clientError(error)
        }
    }

    /// Returns the result. Cancelling the task that waits drops the answer.
    ///
    /// - Throws: ``MTProtoClientError``.
    public func result() async throws -> ByteBuffer {
        do {
            return try await withTaskCancellationHandler {
                try await self.resultFuture.get()
            } onCancel: {
                self.sender.cancel(self.number)
            }
        } catch {
            throw self.sender.clientError(error)
        }
    }
}
