// SPDX-License-Identifier: Apache-2.0

public import NIOCore

extension Config {
    /// Reads the current constructor or one of the older ones; fields that only the older ones have are dropped.
    public static func read(from reader: inout TLReader) throws(TLError) -> Config {
        let constructor = try reader.readConstructor()
        guard let edition = Edition(rawValue: constructor) else { throw .unexpectedConstructor(constructor) }
        let flags = try reader.readUInt32()
        var value = Config(
            date: try reader.readInt32(),
            expires: try reader.readInt32(),
            isTest: try reader.readBool(),
            thisDataCenter: try reader.readInt32(),
            options: try reader.readVector(of: DataCenterOption.self)
        )
        value.setSwitches(flags)
        value.dnsDomainName = try reader.readString()
        try value.readLimits(from: &reader, flags: flags, edition: edition)
        value.linkPrefix = try reader.readString()
        if flags & 1 << 7 != 0 { value.autoupdateURLPrefix = try reader.readString() }
        if flags & 1 << 9 != 0 { value.animationSearchUsername = try reader.readString() }
        if flags & 1 << 10 != 0 { value.venueSearchUsername = try reader.readString() }
        if flags & 1 << 11 != 0 { value.imageSearchUsername = try reader.readString() }
        if flags & 1 << 12 != 0 { value.staticMapsProvider = try reader.readString() }
        value.captionLengthMaximum = try reader.readInt32()
        value.messageLengthMaximum = try reader.readInt32()
        value.webFileDataCenter = try reader.readInt32()
        if flags & 1 << 2 != 0 {
            value.suggestedLanguage = SuggestedLanguage(
                code: try reader.readString(),
                version: try reader.readInt32(),
                baseVersion: try reader.readInt32()
            )
        }
        if edition != .earlier, flags & 1 << 15 != 0 { value.defaultReaction = try Reaction.read(from: &reader) }
        if edition == .current, flags & 1 << 16 != 0 { value.autologinToken = try reader.readString() }
        return value
    }

    /// Writes the current constructor and the fields.
    public func write(to buffer: inout ByteBuffer) {
        self.write(to: &buffer, edition: .current)
    }

    /// Writes the constructor of an edition and its fields; values that it does not have are left out.
    public func write(to buffer: inout ByteBuffer, edition: Edition) {
        buffer.writeTLUInt32(edition.rawValue)
        buffer.writeTLUInt32(self.flags(edition))
        buffer.writeTLInt32(self.date)
        buffer.writeTLInt32(self.expires)
        buffer.writeTLBool(self.isTest)
        buffer.writeTLInt32(self.thisDataCenter)
        buffer.writeTLVector(self.options)
        buffer.writeTLBytes(self.dnsDomainName)
        self.writeLimits(to: &buffer, edition: edition)
        buffer.writeTLBytes(self.linkPrefix)
        if let text = self.autoupdateURLPrefix { buffer.writeTLBytes(text) }
        if let text = self.animationSearchUsername { buffer.writeTLBytes(text) }
        if let text = self.venueSearchUsername { buffer.writeTLBytes(text) }
        if let text = self.imageSearchUsername { buffer.writeTLBytes(text) }
        if let text = self.staticMapsProvider { buffer.writeTLBytes(text) }
        buffer.writeTLInt32(self.captionLengthMaximum)
        buffer.writeTLInt32(self.messageLengthMaximum)
        buffer.writeTLInt32(self.webFileDataCenter)
        if let language = self.suggestedLanguage {
            buffer.writeTLBytes(language.code)
            buffer.writeTLInt32(language.version)
            buffer.writeTLInt32(language.baseVersion)
        }
        if edition != .earlier { self.defaultReaction?.write(to: &buffer) }
        if edition == .current, let token = self.autologinToken { buffer.writeTLBytes(token) }
    }

    /// The boxed value of an edition in a buffer of its own.
    public func serialized(edition: Edition, allocator: ByteBufferAllocator = ByteBufferAllocator()) -> ByteBuffer {
        var buffer = allocator.buffer(capacity: 1024)
        self.write(to: &buffer, edition: edition)
        return buffer
    }

    private mutating func setSwitches(_ flags: UInt32) {
        self.usesPeerToPeerForContacts = flags & 1 << 3 != 0
        self.preloadsFeaturedStickers = flags & 1 << 4 != 0
        self.revokesPrivateInbox = flags & 1 << 6 != 0
        self.isBlocked = flags & 1 << 8 != 0
        self.forcesIPv6 = flags & 1 << 14 != 0
    }

    private func flags(_ edition: Edition) -> UInt32 {
        var flags: UInt32 = 0
        if self.usesPeerToPeerForContacts { flags |= 1 << 3 }
        if self.preloadsFeaturedStickers { flags |= 1 << 4 }
        if self.revokesPrivateInbox { flags |= 1 << 6 }
        if self.isBlocked { flags |= 1 << 8 }
        if self.forcesIPv6 { flags |= 1 << 14 }
        if self.temporarySessions != nil { flags |= 1 << 0 }
        if self.suggestedLanguage != nil { flags |= 1 << 2 }
        if self.autoupdateURLPrefix != nil { flags |= 1 << 7 }
        if self.animationSearchUsername != nil { flags |= 1 << 9 }
        if self.venueSearchUsername != nil { flags |= 1 << 10 }
        if self.imageSearchUsername != nil { flags |= 1 << 11 }
        if self.staticMapsProvider != nil { flags |= 1 << 12 }
        if edition != .earlier, self.defaultReaction != nil { flags |= 1 << 15 }
        if edition == .current, self.autologinToken != nil { flags |= 1 << 16 }
        return flags
    }

    private mutating func readLimits(from reader: inout TLReader, flags: UInt32, edition: Edition) throws(TLError) {
        self.chatSizeMaximum = try reader.readInt32()
        self.megagroupSizeMaximum = try reader.readInt32()
        self.forwardedCountMaximum = try reader.readInt32()
        self.onlineUpdatePeriod = try reader.readInt32()
        self.offlineBlurTimeout = try reader.readInt32()
        self.offlineIdleTimeout = try reader.readInt32()
        self.onlineCloudTimeout = try reader.readInt32()
        self.notifyCloudDelay = try reader.readInt32()
        self.notifyDefaultDelay = try reader.readInt32()
        self.pushChatPeriod = try reader.readInt32()
        self.pushChatLimit = try reader.readInt32()
        if edition != .current {
            _ = try reader.readInt32()  // saved_gifs_limit
        }
        self.editTimeLimit = try reader.readInt32()
        self.revokeTimeLimit = try reader.readInt32()
        self.revokePrivateTimeLimit = try reader.readInt32()
        self.ratingDecay = try reader.readInt32()
        self.recentStickersLimit = try reader.readInt32()
        if edition != .current {
            _ = try reader.readInt32()  // stickers_faved_limit
        }
        self.channelsReadMediaPeriod = try reader.readInt32()
        if flags & 1 << 0 != 0 { self.temporarySessions = try reader.readInt32() }
        if edition != .current {
            _ = try reader.readInt32()  // pinned_dialogs_count_max
            _ = try reader.readInt32()  // pinned_infolder_count_max
        }
        self.callReceiveTimeout = try reader.readInt32()
        self.callRingTimeout = try reader.readInt32()
        self.callConnectTimeout = try reader.readInt32()
        self.callPacketTimeout = try reader.readInt32()
    }

    private func writeLimits(to buffer: inout ByteBuffer, edition: Edition) {
        buffer.writeTLInt32(self.chatSizeMaximum)
        buffer.writeTLInt32(self.megagroupSizeMaximum)
        buffer.writeTLInt32(self.forwardedCountMaximum)
        buffer.writeTLInt32(self.onlineUpdatePeriod)
        buffer.writeTLInt32(self.offlineBlurTimeout)
        buffer.writeTLInt32(self.offlineIdleTimeout)
        buffer.writeTLInt32(self.onlineCloudTimeout)
        buffer.writeTLInt32(self.notifyCloudDelay)
        buffer.writeTLInt32(self.notifyDefaultDelay)
        buffer.writeTLInt32(self.pushChatPeriod)
        buffer.writeTLInt32(self.pushChatLimit)
        if edition != .current {
            buffer.writeTLInt32(200)  // saved_gifs_limit
        }
        buffer.writeTLInt32(self.editTimeLimit)
        buffer.writeTLInt32(self.revokeTimeLimit)
        buffer.writeTLInt32(self.revokePrivateTimeLimit)
        buffer.writeTLInt32(self.ratingDecay)
        buffer.writeTLInt32(self.recentStickersLimit)
        if edition != .current {
            buffer.writeTLInt32(5)  // stickers_faved_limit
        }
        buffer.writeTLInt32(self.channelsReadMediaPeriod)
        if let count = self.temporarySessions { buffer.writeTLInt32(count) }
        if edition != .current {
            buffer.writeTLInt32(5)  // pinned_dialogs_count_max
            buffer.writeTLInt32(100)  // pinned_infolder_count_max
        }
        buffer.writeTLInt32(self.callReceiveTimeout)
        buffer.writeTLInt32(self.callRingTimeout)
        buffer.writeTLInt32(self.callConnectTimeout)
        buffer.writeTLInt32(self.callPacketTimeout)
    }
}
