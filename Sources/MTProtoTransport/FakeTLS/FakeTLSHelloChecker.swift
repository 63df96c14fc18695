// SPDX-License-Identifier: Apache-2.0

/// Proves that whatever chance gives, the elements of a profile make a ClientHello that proxies can take.
///
/// Nothing is tried out: each part is read by itself. All parts of a `choose` must lead to the same place, and those of a
/// `shuffle` are whole extensions (or cipher suites), so that neither an order nor a combination can change what holds. What
/// may be so in one hello of many counts as being so: two extensions whose types could be the same are refused.
struct FakeTLSHelloChecker {
    typealias Element = FakeTLSHelloElement

    /// What proxies want of a record at least, in bytes.
    static let minimumRecordLength = 512
    private static let maximumRecordLength = TLSRecord.headerLength + TLSRecord.maximumPlaintextLength
    /// The bytes of a record before the cipher suites.
    private static let lengthBeforeSuites = FakeTLSDigest.field.upperBound + 33

    private enum Place: Hashable {
        case suites, compressionLength, compression, extensions, end
    }

    /// The least and the most bytes of the record so far.
    var length = Self.lengthBeforeSuites...Self.lengthBeforeSuites
    /// The types of the extensions so far, of all alternatives.
    var types = FakeTLSExtensionTypes()
    var hasServerName = false

    /// Checks the elements of a whole profile.
    ///
    /// - Parameter allowsShort: Whether a record may be shorter than ``minimumRecordLength``.
    /// - Throws: ``FakeTLSProfileError``, with the place of the element that is wrong.
    static func check(_ elements: [Element], allowsShort: Bool) throws(FakeTLSProfileError) {
        var checker = FakeTLSHelloChecker()
        guard try checker.hello(elements, from: .suites) == .end else {
            throw elements.last?.error(.notClientHello) ?? FakeTLSProfileError(.notClientHello)
        }
        guard allowsShort || checker.length.lowerBound >= Self.minimumRecordLength else {
            throw FakeTLSProfileError(.helloTooShort)
        }
    }

    private mutating func hello(_ elements: [Element], from start: Place) throws(FakeTLSProfileError) -> Place {
        var place = start
        for element in elements {
            switch (element.kind, place) {
            case (.scope(let inside), .suites):
                try self.suites(inside, of: element)
                place = .compressionLength
            case (.scope(let inside), .extensions):
                try self.extensions(inside, of: element)
                place = .end
            case (.bytes(let bytes), _):
                try self.grow(by: bytes.count, element)
                for byte in bytes {
                    switch (place, byte) {
                    case (.compressionLength, 1): place = .compression
                    case (.compression, 0): place = .extensions
                    default: throw element.error(.notClientHello)
                    }
                }
            case (.choose(let parts), _), (.chooseOnce(let parts), _):
                place = try self.alternatives(parts, of: element, from: place) {
                    (checker, part, place) throws(FakeTLSProfileError) in try checker.hello(part, from: place)
                }
            default:
                throw element.error(.notClientHello)
            }
        }
        return place
    }

    /// Reads each part from the same state, which all must leave alike.
    mutating func alternatives<State: Equatable>(
        _ parts: [[Element]],
        of element: Element,
        from start: State,
        _ read: (inout Self, [Element], State) throws(FakeTLSProfileError) -> State
    ) throws(FakeTLSProfileError) -> State {
        let (length, hasServerName, mark) = (self.length, self.hasServerName, self.types.count)
        var ends: State?
        var lengths = [length.lowerBound, length.upperBound]
        var allHaveServerName = true
        var types: [FakeTLSExtensionTypes.ExtensionType] = []
        for part in parts {
            (self.length, self.hasServerName) = (length, hasServerName)
            let end = try read(&self, part, start)
            if let ends, ends != end { throw element.error(.notClientHello) }
            lengths =
                ends == nil
                ? [self.length.lowerBound, self.length.upperBound]
                : [min(lengths[0], self.length.lowerBound), max(lengths[1], self.length.upperBound)]
            ends = end
            allHaveServerName = allHaveServerName && self.hasServerName
            types += self.types.removeAll(from: mark)
        }
        self.length = lengths[0]...lengths[1]
        self.hasServerName = allHaveServerName
        self.types.insert(types)
        return ends ?? start
    }

    /// Counts bytes whose contents do not matter.
    mutating func free(_ elements: [Element]) throws(FakeTLSProfileError) {
        for element in elements {
            switch element.kind {
            case .bytes(let bytes): try self.grow(by: bytes.count, element)
            case .random(let counts): try self.grow(by: (counts.min() ?? 0)...(counts.max() ?? 0), element)
            case .zeros(let count): try self.grow(by: count, element)
            case .domain: try self.grow(by: 1...ProxySecret.maximumDomainLength, element)
            case .grease: try self.grow(by: 2, element)
            case .x25519: try self.grow(by: Element.x25519Length, element)
            case .mlkem768: try self.grow(by: Element.mlkem768Length, element)
            case .scope(let inside):
                try self.grow(by: 2, element)
                try self.free(inside)
            case .shuffle(let parts):
                for part in parts { try self.free(part) }
            case .choose(let parts), .chooseOnce(let parts):
                _ = try self.alternatives(parts, of: element, from: true) {
                    (checker, part, state) throws(FakeTLSProfileError) in
                    try checker.free(part)
                    return state
                }
            case .padding:
                throw element.error(.misplacedPadding)
            }
        }
    }

    mutating func grow(by count: Int, _ element: Element) throws(FakeTLSProfileError) {
        try self.grow(by: count...count, element)
    }

    private mutating func grow(by counts: ClosedRange<Int>, _ element: Element) throws(FakeTLSProfileError) {
        let most = self.length.upperBound + counts.upperBound
        guard most <= Self.maximumRecordLength else { throw element.error(.helloTooLong) }
        self.length = (self.length.lowerBound + counts.lowerBound)...most
    }

    /// A padding extension, behind which nothing comes.
    mutating func pad(to total: Int, _ element: Element) throws(FakeTLSProfileError) {
        guard self.types.insert(.literal(FakeTLSExtensionTypes.padding)) else {
            throw element.error(.repeatedExtension)
        }
        let isAlwaysPadded = self.length.upperBound + Element.paddingHeaderLength < total
        let least = max(self.length.lowerBound, total - Element.paddingHeaderLength)
        self.length = (isAlwaysPadded ? total : least)...max(self.length.upperBound, total)
    }
}
