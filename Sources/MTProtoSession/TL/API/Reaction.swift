// SPDX-License-Identifier: Apache-2.0

public import NIOCore

/// A reaction, as ``Config`` names one.
///
/// Specification: *TL schema of the API*.
public enum Reaction: TLBoxed, Hashable {
    /// `reactionEmpty#79f5d419`
    case empty
    /// `reactionEmoji#1b2286b8 emoticon:string`
    case emoji(String)
    /// `reactionCustomEmoji#8935fc73 document_id:long`
    case customEmoji(documentIdentifier: Int64)
    /// `reactionPaid#523da4eb`
    case paid

    private enum Constructor {
        static let empty: UInt32 = 0x79f5_d419
        static let emoji: UInt32 = 0x1b22_86b8
        static let customEmoji: UInt32 = 0x8935_fc73
        static let paid: UInt32 = 0x523d_a4eb
    }

    /// Reads the constructor and its field.
    public static func read(from reader: inout TLReader) throws(TLError) -> Reaction {
        switch try reader.readConstructor() {
        case Constructor.empty: return .empty
        case Constructor.emoji: return .emoji(try reader.readString())
        case Constructor.customEmoji: return .customEmoji(documentIdentifier: try reader.readInt64())
        case Constructor.paid: return .paid
        case let other: throw .unexpectedConstructor(other)
        }
    }

    /// Writes the constructor and its field.
    public func write(to buffer: inout ByteBuffer) {
        switch self {
        case .empty:
            buffer.writeTLUInt32(Constructor.empty)
        case .emoji(let emoticon):
            buffer.writeTLUInt32(Constructor.emoji)
            buffer.writeTLBytes(emoticon)
        case .customEmoji(let documentIdentifier):
            buffer.writeTLUInt32(Constructor.customEmoji)
            buffer.writeTLInt64(documentIdentifier)
        case .paid:
            buffer.writeTLUInt32(Constructor.paid)
        }
    }
}
