// SPDX-License-Identifier: Apache-2.0

internal import CMTProtoCrypto

/// Which instructions the ciphers and the checksum use. All give the same bytes.
public enum CryptoPath: String, CaseIterable, Sendable {
    /// x86-64 with AES-NI, VAES and AVX2: sixteen counter blocks at a time.
    case vaes
    /// x86-64 with AES-NI and PCLMULQDQ: eight counter blocks at a time.
    case aesni
    /// arm64 with the AES and CRC-32 instructions: eight counter blocks at a time.
    case armv8
    /// Any CPU: BoringSSL's AES, which takes the same time for all keys, and a table for the checksum.
    case portable

    /// The fastest path of this machine.
    public static let best: CryptoPath = Self.available[0]

    /// The paths that this machine can run, the fastest first; `.portable` always is among them.
    public static let available: [CryptoPath] = Self.allCases.filter { Self.mask & (1 << $0.number.rawValue) != 0 }

    private static let mask = cmtp_path_mask()

    private var number: cmtp_path {
        switch self {
        case .vaes: CMTP_PATH_VAES
        case .aesni: CMTP_PATH_AESNI
        case .armv8: CMTP_PATH_ARMV8
        case .portable: CMTP_PATH_PORTABLE
        }
    }

    /// The number of the C target. Instructions that the CPU lacks would kill the process, so it is a programming error
    /// to ask for them.
    var checked: cmtp_path {
        let number = self.number
        precondition(Self.mask & (1 << number.rawValue) != 0, "this machine cannot run this path: see available")
        return number
    }
}
