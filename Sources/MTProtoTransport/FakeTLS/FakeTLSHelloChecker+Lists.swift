// SPDX-License-Identifier: Apache-2.0

extension FakeTLSHelloChecker {
    // MARK: Cipher suites

    /// Where a reader of suites stands.
    private struct Suites: Hashable {
        /// The first byte of a suite whose second is next.
        var high: UInt8?
        /// Whether one was there that is no reserved value, which the proxy answers with.
        var hasFirst = false
    }

    /// Reads the list of cipher suites: whole ones, and the first that is no reserved value is of TLS 1.3.
    mutating func suites(_ elements: [Element], of scope: Element) throws(FakeTLSProfileError) {
        try self.grow(by: 2, scope)
        let end = try self.suites(elements, from: Suites())
        guard end.high == nil else { throw (elements.last ?? scope).error(.notClientHello) }
        guard end.hasFirst else { throw scope.error(.missingSuite) }
    }

    private mutating func suites(_ elements: [Element], from start: Suites) throws(FakeTLSProfileError) -> Suites {
        var state = start
        for element in elements {
            switch element.kind {
            case .bytes(let bytes):
                try self.grow(by: bytes.count, element)
                for byte in bytes {
                    guard let high = state.high else {
                        state.high = byte
                        continue
                    }
                    state.high = nil
                    guard !state.hasFirst, !FakeTLSExtensionTypes.isReserved(UInt16(high) << 8 | UInt16(byte)) else {
                        continue
                    }
                    guard high == 0x13 else { throw element.error(.missingSuite) }
                    state.hasFirst = true
                }
            case .grease where state.high == nil:
                try self.grow(by: 2, element)
            case .choose(let parts), .chooseOnce(let parts):
                state = try self.alternatives(parts, of: element, from: state) {
                    (checker, part, state) throws(FakeTLSProfileError) in try checker.suites(part, from: state)
                }
            case .shuffle(let parts) where state.high == nil:
                // Each part may be the first one.
                let start = state
                for part in parts {
                    let end = try self.suites(part, from: start)
                    guard end.high == nil else { throw (part.last ?? element).error(.notClientHello) }
                    state.hasFirst = state.hasFirst || end.hasFirst
                }
            default:
                throw element.error(.notClientHello)
            }
        }
        return state
    }

    // MARK: Extensions

    /// What a reader of extensions expects next.
    private enum Next: Hashable {
        case type
        case typeEnd(UInt8)
        case length(FakeTLSExtensionTypes.ExtensionType)
        case lengthEnd(UInt8)
        /// So many bytes of an extension whose length is written as `bytes`.
        case body(Int)
    }

    /// Reads the list of extensions: each type once, server_name with the domain among them, padding last.
    mutating func extensions(_ elements: [Element], of scope: Element) throws(FakeTLSProfileError) {
        try self.grow(by: 2, scope)
        self.types = FakeTLSExtensionTypes()
        self.hasServerName = false
        var rest = elements
        var padding: (total: Int, element: Element)?
        if let last = elements.last, case .padding(let total) = last.kind {
            padding = (total, last)
            rest.removeLast()
        }
        guard try self.extensions(rest, from: .type) == .type else {
            throw (rest.last ?? scope).error(.notClientHello)
        }
        guard self.hasServerName else { throw scope.error(.missingServerName) }
        if let padding { try self.pad(to: padding.total, padding.element) }
    }

    private mutating func extensions(_ elements: [Element], from start: Next) throws(FakeTLSProfileError) -> Next {
        var next = start
        for element in elements {
            switch (element.kind, next) {
            case (.bytes(let bytes), _):
                try self.grow(by: bytes.count, element)
                for byte in bytes { next = try self.take(byte, next, element) }
            case (.zeros(let count), _):
                try self.grow(by: count, element)
                for _ in 0..<count { next = try self.take(0, next, element) }
            case (.grease(let index), .type):
                try self.grow(by: 2, element)
                next = try self.begin(.grease(index), element)
            case (.scope(let inside), .length(let type)):
                try self.grow(by: 2, element)
                if type == .literal(FakeTLSExtensionTypes.serverName) { try self.checkServerName(inside, of: element) }
                try self.free(inside)
                next = .type
            case (.choose(let parts), _), (.chooseOnce(let parts), _):
                next = try self.alternatives(parts, of: element, from: next) {
                    (checker, part, next) throws(FakeTLSProfileError) in try checker.extensions(part, from: next)
                }
            case (.shuffle(let parts), .type):
                for part in parts {
                    guard try self.extensions(part, from: .type) == .type else {
                        throw (part.last ?? element).error(.notClientHello)
                    }
                }
            case (.padding, _):
                throw element.error(.misplacedPadding)
            case (_, .body(let remaining)):
                next = try self.skip(element, of: remaining)
            default:
                throw element.error(.notClientHello)
            }
        }
        return next
    }

    private mutating func begin(
        _ type: FakeTLSExtensionTypes.ExtensionType,
        _ element: Element
    ) throws(FakeTLSProfileError) -> Next {
        guard self.types.insert(type) else { throw element.error(.repeatedExtension) }
        return .length(type)
    }

    /// Takes a byte that is the same in all hellos.
    private mutating func take(_ byte: UInt8, _ next: Next, _ element: Element) throws(FakeTLSProfileError) -> Next {
        switch next {
        case .type:
            return .typeEnd(byte)
        case .typeEnd(let high):
            return try self.begin(.literal(UInt16(high) << 8 | UInt16(byte)), element)
        case .length(let type):
            // No written length fits all domains.
            guard type != .literal(FakeTLSExtensionTypes.serverName) else { throw element.error(.missingServerName) }
            return .lengthEnd(byte)
        case .lengthEnd(let high):
            let length = Int(high) << 8 | Int(byte)
            return length == 0 ? .type : .body(length)
        case .body(let remaining):
            return remaining == 1 ? .type : .body(remaining - 1)
        }
    }

    /// Takes an element that belongs to a body of a written length: it must have one length itself.
    private mutating func skip(_ element: Element, of remaining: Int) throws(FakeTLSProfileError) -> Next {
        let before = self.length
        try self.free([element])
        let least = self.length.lowerBound - before.lowerBound
        let most = self.length.upperBound - before.upperBound
        guard least == most, most <= remaining else { throw element.error(.notClientHello) }
        return most == remaining ? .type : .body(remaining - most)
    }

    /// The one form that server_name has: a list of one name of the type 0, the domain.
    private mutating func checkServerName(_ inside: [Element], of element: Element) throws(FakeTLSProfileError) {
        guard inside.count == 1, case .scope(let list) = inside[0].kind, list.count == 2, list[0].kind == .bytes([0]),
            case .scope(let name) = list[1].kind, name.map(\.kind) == [.domain]
        else { throw element.error(.missingServerName) }
        self.hasServerName = true
    }
}
