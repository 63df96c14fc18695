// SPDX-License-Identifier: Apache-2.0

/// The parts of a ClientHello that a server reads, out of a record that holds nothing else.
///
/// Specification: RFC 8446, section 4.1.2; RFC 6066, section 3.
package struct TLSClientHello: Hashable, Sendable {
    private static let serverNameExtension: UInt16 = 0

    /// An extension that is there: its type and where its body is, in bytes from the begin of the record.
    package struct Extension: Hashable, Sendable {
        package let type: UInt16
        package let body: Range<Int>
    }

    /// What a server has to repeat, 32 bytes.
    package let sessionIdentifier: [UInt8]
    /// In the client's order.
    package let cipherSuites: [UInt16]
    /// In the client's order; no type is there twice.
    package let extensions: [Extension]
    /// The host that the client names, if it names one.
    package let serverName: [UInt8]?

    /// Reads a record.
    ///
    /// - Returns: `nil` when a length in it does not fit, an extension is there twice, or it has not the layout of
    ///   FakeTLS, with 32 bytes of session identifier.
    package init?(record: [UInt8]) {
        var reader = Reader(rest: record[...])
        guard reader.take([0x16, 3, 1]), let recordLength = reader.integer(2), recordLength == reader.rest.count,
            reader.take([1]), let length = reader.integer(3), length == reader.rest.count, reader.take([3, 3]),
            reader.bytes(32) != nil, reader.take([32]), let session = reader.bytes(32),
            let suites = reader.vector(2), !suites.isEmpty, suites.count.isMultiple(of: 2),
            let compression = reader.vector(1), compression.elementsEqual([0]),
            let extensions = reader.vector(2), reader.rest.isEmpty
        else { return nil }
        self.sessionIdentifier = Array(session)
        self.cipherSuites = stride(from: suites.startIndex, to: suites.endIndex, by: 2).map {
            UInt16(suites[$0]) << 8 | UInt16(suites[$0 + 1])
        }
        reader.rest = extensions
        var found: [Extension] = []
        var types: Set<UInt16> = []
        var serverName: [UInt8]?
        while !reader.rest.isEmpty {
            guard let type = reader.integer(2), let body = reader.vector(2) else { return nil }
            let value = Extension(type: UInt16(truncatingIfNeeded: type), body: body.startIndex..<body.endIndex)
            guard types.insert(value.type).inserted else { return nil }
            found.append(value)
            guard value.type == Self.serverNameExtension else { continue }
            guard let name = Self.serverName(in: body) else { return nil }
            serverName = name
        }
        self.extensions = found
        self.serverName = serverName
    }

    /// The one host name of an extension.
    private static func serverName(in body: ArraySlice<UInt8>) -> [UInt8]? {
        var reader = Reader(rest: body)
        guard let list = reader.vector(2), reader.rest.isEmpty else { return nil }
        reader.rest = list
        guard reader.take([0]), let name = reader.vector(2), reader.rest.isEmpty, !name.isEmpty else { return nil }
        return Array(name)
    }

    private struct Reader {
        var rest: ArraySlice<UInt8>

        mutating func bytes(_ count: Int) -> ArraySlice<UInt8>? {
            guard self.rest.count >= count else { return nil }
            defer { self.rest = self.rest.dropFirst(count) }
            return self.rest.prefix(count)
        }

        /// Whether these bytes are next; they are consumed.
        mutating func take(_ expected: [UInt8]) -> Bool {
            self.bytes(expected.count)?.elementsEqual(expected) ?? false
        }

        /// A big-endian number of so many bytes, three at most.
        mutating func integer(_ count: Int) -> Int? {
            self.bytes(count)?.reduce(0) { $0 << 8 | Int($1) }
        }

        /// Bytes behind their length of so many bytes.
        mutating func vector(_ lengthBytes: Int) -> ArraySlice<UInt8>? {
            self.integer(lengthBytes).flatMap { self.bytes($0) }
        }
    }
}
