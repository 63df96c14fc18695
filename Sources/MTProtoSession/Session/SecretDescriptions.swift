// SPDX-License-Identifier: Apache-2.0

internal import NIOCore

// Values with a key, a salt, a nonce or a body in them: neither printed nor dumped do they show these, since whoever knows a
// key and a salt can write in the name of the other side. Logs and test failures must not hold them.

extension BadServerSalt: CustomStringConvertible, CustomReflectable {
    /// Which message and why; not the salt.
    public var description: String {
        "BadServerSalt(message 0x\(String(self.badIdentifier, radix: 16)), code \(self.code))"
    }

    /// Without children.
    public var customMirror: Mirror { Mirror(self, children: []) }
}

extension ContainedMessage: CustomStringConvertible, CustomReflectable {
    /// The head and the length in bytes; not the body.
    public var description: String {
        describe("ContainedMessage", self.identifier, self.sequenceNumber, self.body)
    }

    /// Without children.
    public var customMirror: Mirror { Mirror(self, children: []) }
}

extension EncryptedMessage: CustomStringConvertible, CustomReflectable {
    /// The head and the length in bytes; neither the salt, nor the session, nor the body.
    public var description: String {
        describe("EncryptedMessage", self.identifier, self.sequenceNumber, self.body)
    }

    /// Without children.
    public var customMirror: Mirror { Mirror(self, children: []) }
}

extension EstablishedKey: CustomReflectable {
    /// Without children.
    public var customMirror: Mirror { Mirror(self, children: []) }
}

extension FutureSalt: CustomStringConvertible, CustomReflectable {
    /// The times; not the salt.
    public var description: String {
        "FutureSalt(\(self.validSince)..<\(self.validUntil))"
    }

    /// Without children.
    public var customMirror: Mirror { Mirror(self, children: []) }
}

extension FutureSalts: CustomStringConvertible, CustomReflectable {
    /// How many there are; not the salts.
    public var description: String {
        "FutureSalts(now: \(self.now), count: \(self.salts.count))"
    }

    /// Without children.
    public var customMirror: Mirror { Mirror(self, children: []) }
}

extension KeyExchangeResult: CustomReflectable {
    /// Without children.
    public var customMirror: Mirror { Mirror(self, children: []) }
}

extension NewSessionCreated: CustomStringConvertible, CustomReflectable {
    /// The identifiers; not the salt.
    public var description: String {
        "NewSessionCreated(first message 0x\(String(self.firstMessageIdentifier, radix: 16)))"
    }

    /// Without children.
    public var customMirror: Mirror { Mirror(self, children: []) }
}

extension PQInnerData: CustomReflectable {
    /// Without children.
    public var customMirror: Mirror { Mirror(self, children: []) }
}

extension ServerSalt: CustomStringConvertible, CustomReflectable {
    /// The times; not the salt.
    public var description: String {
        "ServerSalt(\(self.validSince)..<\(self.validUntil))"
    }

    /// Without children.
    public var customMirror: Mirror { Mirror(self, children: []) }
}

extension ServerSaltSchedule: CustomReflectable {
    /// Without children.
    public var customMirror: Mirror { Mirror(self, children: []) }
}

private func describe(_ type: String, _ identifier: UInt64, _ sequenceNumber: Int32, _ body: ByteBuffer) -> String {
    "\(type)(0x\(String(identifier, radix: 16)), number \(sequenceNumber), \(body.readableBytes) bytes)"
}
