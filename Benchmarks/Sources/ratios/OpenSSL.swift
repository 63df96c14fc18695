// SPDX-License-Identifier: Apache-2.0
import Foundation

/// `openssl speed -evp aes-256-ctr` for one buffer size, where the command exists: bytes a second of CPU time.
func opensslCTR(bytes: Int) -> Double? {
    let process = Process()
    process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
    process.arguments = ["openssl", "speed", "-mr", "-evp", "aes-256-ctr", "-seconds", "1", "-bytes", "\(bytes)"]
    let output = Pipe()
    process.standardOutput = output
    process.standardError = FileHandle.nullDevice
    guard (try? process.run()) != nil else { return nil }
    let text = String(decoding: output.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
    process.waitUntilExit()
    // +F:22:AES-256-CTR:8123456789.00
    for line in text.split(separator: "\n") where line.hasPrefix("+F:") {
        return line.split(separator: ":").last.flatMap { Double($0) }
    }
    return nil
}
