// SPDX-License-Identifier: Apache-2.0

internal import ArgumentParser

/// The command-line tool.
@main
struct MTProtoCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "mtproto",
        abstract: "Tools for the MTProto transport: connect to a data centre, run one on this machine.",
        subcommands: [ConnectCommand.self, DataCenterCommand.self, SoakCommand.self]
    )
}
