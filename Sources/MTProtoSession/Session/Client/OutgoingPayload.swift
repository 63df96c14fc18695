// SPDX-License-Identifier: Apache-2.0

public import NIOCore

/// An encrypted payload of a client, ready for the transport.
public struct OutgoingPayload: Sendable {
    /// The payload, with room before and behind it for the layers below.
    public var payload: ByteBuffer
    /// The identifier of the payload's message: what ``ClientSession/payloadLost(_:at:)`` knows it by.
    public var messageIdentifier: UInt64
    /// The token by which the server would acknowledge the payload at once, where one is asked for.
    public var quickAckToken: UInt32?

    /// Makes a payload.
    public init(payload: ByteBuffer, messageIdentifier: UInt64, quickAckToken: UInt32? = nil) {
        self.payload = payload
        self.messageIdentifier = messageIdentifier
        self.quickAckToken = quickAckToken
    }

    /// Whether the transport is to ask for a quick acknowledgement: a query in the payload wants one.
    public var requestsQuickAck: Bool {
        self.quickAckToken != nil
    }
}
