// SPDX-License-Identifier: Apache-2.0
import FuzzEntries

@_silgen_name("LLVMFuzzerRunDriver")
private func runDriver(
    _ argumentCount: UnsafeMutablePointer<CInt>,
    _ arguments: UnsafeMutablePointer<UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>>,
    _ entry: @convention(c) (UnsafePointer<UInt8>?, Int) -> CInt
) -> CInt

// libFuzzer calls a C function pointer, which captures nothing; set once, before the driver starts.
nonisolated(unsafe) private var target = FuzzTarget.detection

/// `fuzz --target=NAME [libFuzzer options] [corpus folders]`, or `fuzz --list`.
@main
enum Fuzz {
    private static let option = "--target="

    static func main() {
        let arguments = CommandLine.arguments
        if arguments.contains("--list") {
            print(FuzzTarget.allCases.map(\.rawValue).joined(separator: "\n"))
            return
        }
        // libFuzzer ignores what begins with two dashes, and hands it on to the processes that it starts.
        guard let name = arguments.first(where: { $0.hasPrefix(Self.option) })?.dropFirst(Self.option.count),
            let chosen = FuzzTarget(rawValue: String(name))
        else {
            preconditionFailure("usage: fuzz --list | fuzz --target=NAME [libFuzzer options] [corpus folders]")
        }
        target = chosen
        var count = CommandLine.argc
        var pointers = CommandLine.unsafeArgv
        withUnsafeMutablePointer(to: &pointers) { pointer in
            _ = runDriver(&count, pointer) { bytes, length in
                target.run(UnsafeRawBufferPointer(start: bytes, count: length))
                return 0
            }
        }
    }
}
