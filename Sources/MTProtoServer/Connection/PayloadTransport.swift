// SPDX-License-Identifier: Apache-2.0

internal import MTProtoTransport
internal import NIOCore

/// What a ``ServerConnectionHandler`` needs of the handler next to it, which makes payloads of what was received and bytes of
/// what is sent: ``MTProtoTransportHandler`` on byte streams, ``HTTPPayloadHandler`` on requests.
protocol PayloadTransport: AnyObject {
    /// Whether a frame or a request has begun and is not complete. `false` while paused.
    var hasPartialFrame: Bool { get }
    /// Bytes of payloads that were received and not handed on.
    var bufferedByteCount: Int { get }
    /// Whether a payload may be written now: always on a byte stream, on HTTP while a request waits for its answer.
    var maySendPayload: Bool { get }
    /// Whether the client wants the connection closed: nothing more will be read or can be sent.
    var hasSentLast: Bool { get }

    /// Fires no further events until ``resume()``.
    func pause()
    /// Fires the events that waited.
    func resume()
    /// Drops everything that waits and that comes.
    ///
    /// - Returns: Whether the input has ended already while events were paused.
    func discard() -> Bool
    /// Flushes, and completes a promise when everything written so far has left.
    func flushed(_ promise: EventLoopPromise<Void>)
    /// Reads no further request: the answer to the one in hand is the last.
    func endInput()
    /// The payload that was read last gets no answer: a request is answered with an empty body.
    func answerWithNothing()
}

extension MTProtoTransportHandler: PayloadTransport {
    var maySendPayload: Bool { true }
    var hasSentLast: Bool { false }
    func endInput() {}
    func answerWithNothing() {}
}
