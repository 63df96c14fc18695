// SPDX-License-Identifier: Apache-2.0

public import MTProtoTransport
public import NIOCore

/// A transport of your own: what turns payloads into the bytes of a stream, and back. See ``ClientTransport/custom(_:)``.
public protocol Transport: Sendable {
    /// Names the transport, in descriptions. Transports of the same name count as equal.
    var name: String { get }
    /// Whether payloads can ask for quick acknowledgements.
    var hasQuickAcknowledgements: Bool { get }

    /// Puts the transport's handlers at the end of a channel's pipeline; called on its event loop. The channel is connected, and
    /// bytes come as soon as this has returned.
    ///
    /// - Parameters:
    ///   - channel: a channel of `ByteBuffer`s. The handlers take `TransportCommand`s and give
    ///     `TransportEvent`s: payloads, quick acknowledgements, transport errors.
    ///   - dataCenter: the data centre that is meant.
    ///   - maximumPayloadLength: the longest payload to accept, in bytes.
    /// - Returns: when payloads can be written. Events that come earlier are lost; an error, or the end of the channel, ends the
    ///   wait, as does ``ClientConfiguration/Timeouts/attempt``.
    /// - Throws: why the transport cannot be; connecting fails.
    func addHandlers(
        to channel: any Channel,
        dataCenter: DataCenterIdentifier,
        maximumPayloadLength: Int
    ) throws -> EventLoopFuture<Void>
}

/// A transport within a value that can be compared: by its name.
struct CustomTransport: Sendable, Hashable {
    let transport: any Transport

    static func == (lhs: CustomTransport, rhs: CustomTransport) -> Bool {
        lhs.transport.name == rhs.transport.name
    }

    func hash(into hasher: inout Hasher) {
        hasher.combine(self.transport.name)
    }
}
