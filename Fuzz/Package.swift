// swift-tools-version: 6.2
import PackageDescription

// A package of its own: nothing here is built by whoever uses the library. Built by run.sh, which adds
// `-Xswiftc -sanitize=fuzzer,address`; gold cannot link that, lld can.
let package = Package(
    name: "Fuzz",
    platforms: [.macOS(.v15)],
    dependencies: [
        .package(name: "swift-mtproto", path: ".."),
        .package(url: "https://github.com/apple/swift-nio", from: "2.101.0"),
    ],
    targets: [
        // The same sources are the root package's target MTProtoFuzzing, which replays the corpora in `swift test`;
        // two targets of one name cannot stand in one package graph.
        .target(
            name: "FuzzEntries",
            dependencies: [
                .product(name: "MTProtoCrypto", package: "swift-mtproto"),
                .product(name: "MTProtoTransport", package: "swift-mtproto"),
                .product(name: "MTProtoSession", package: "swift-mtproto"),
                .product(name: "NIOCore", package: "swift-nio"),
                .product(name: "NIOEmbedded", package: "swift-nio"),
                .product(name: "NIOHTTP1", package: "swift-nio"),
                .product(name: "NIOWebSocket", package: "swift-nio"),
            ],
            path: "Sources/MTProtoFuzzing",
            swiftSettings: [
                .enableUpcomingFeature("ExistentialAny"),
                .enableUpcomingFeature("InternalImportsByDefault"),
                .enableUpcomingFeature("MemberImportVisibility"),
            ]
        ),
        .executableTarget(
            name: "fuzz",
            dependencies: ["FuzzEntries"],
            linkerSettings: [.unsafeFlags(["-use-ld=lld", "-sanitize=fuzzer,address"])]
        ),
    ],
    swiftLanguageModes: [.v6]
)
