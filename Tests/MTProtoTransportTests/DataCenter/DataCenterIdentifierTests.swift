// SPDX-License-Identifier: Apache-2.0

import MTProtoTransport
import Testing

/// The table of `obfuscation.md` §7.
struct DataCenterIdentifierTests {
    @Test(
        "Encodings",
        arguments: [
            (DataCenterIdentifier(2), 2), (DataCenterIdentifier(2, isTest: true), 10_002),
            (DataCenterIdentifier(4, isMedia: true), -4),
            (DataCenterIdentifier(2, isTest: true, isMedia: true), -10_002),
            (DataCenterIdentifier(203), 203), (DataCenterIdentifier(9999, isTest: true), 19_999),
        ] as [(DataCenterIdentifier, Int16)]
    )
    func encoding(identifier: DataCenterIdentifier, encoded: Int16) {
        #expect(identifier.encoded == encoded)
        #expect(DataCenterIdentifier(encoded: encoded) == identifier)
        #expect(DataCenterIdentifier(encoded: Int32(encoded)) == identifier)
    }

    @Test("Every value of the wire means one data centre or none")
    func all() {
        var count = 0
        for value in Int16.min...Int16.max {
            guard let identifier = DataCenterIdentifier(encoded: value) else { continue }
            count += 1
            #expect(identifier.encoded == value)
        }
        #expect(count == 4 * 9999)
    }

    @Test(
        "Values that mean nothing",
        arguments: [
            0, 10_000, -10_000, 20_000, Int32(Int16.min), Int32.max, Int32.min, 65_538,
        ]
    )
    func nothing(value: Int32) {
        #expect(DataCenterIdentifier(encoded: value) == nil)
        #expect(DataCenterIdentifier(encoded: Int64.min) == nil)
        #expect(DataCenterIdentifier(encoded: UInt64.max) == nil)
    }
}
