// swift-tools-version: 6.2
import PackageDescription

let swiftSettings: [SwiftSetting] = [
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("InternalImportsByDefault"),
    .enableUpcomingFeature("MemberImportVisibility"),
]

// A package of its own, so that whoever uses the library builds none of this.
let package = Package(
    name: "Benchmarks",
    platforms: [.macOS(.v15)],
    dependencies: [
        .package(name: "swift-mtproto", path: ".."),
        .package(url: "https://github.com/apple/swift-nio", from: "2.101.0"),
        .package(url: "https://github.com/apple/swift-nio-ssl", from: "2.37.0"),
        .package(url: "https://github.com/apple/swift-crypto", from: "4.5.0"),
        .package(url: "https://github.com/ordo-one/benchmark", from: "1.38.0", traits: []),
    ],
    targets: [
        .target(
            name: "CMeasure",
            linkerSettings: [.linkedLibrary("z")]
        ),
        .target(
            name: "Workloads",
            dependencies: [
                .product(name: "MTProtoCrypto", package: "swift-mtproto"),
                .product(name: "MTProtoTransport", package: "swift-mtproto"),
                .product(name: "MTProtoSession", package: "swift-mtproto"),
                .product(name: "MTProtoClient", package: "swift-mtproto"),
                .product(name: "MTProtoServer", package: "swift-mtproto"),
                .product(name: "NIOCore", package: "swift-nio"),
                .product(name: "NIOPosix", package: "swift-nio"),
                .product(name: "NIOSSL", package: "swift-nio-ssl"),
                .product(name: "Crypto", package: "swift-crypto"),
                .product(name: "CryptoExtras", package: "swift-crypto"),
            ],
            swiftSettings: swiftSettings
        ),
        .executableTarget(
            name: "ratios",
            dependencies: [
                "CMeasure", "Workloads",
                .product(name: "MTProtoCrypto", package: "swift-mtproto"),
            ],
            swiftSettings: swiftSettings
        ),
        .executableTarget(
            name: "MTProtoBenchmarks",
            dependencies: [
                "Workloads",
                .product(name: "Benchmark", package: "benchmark"),
            ],
            path: "Benchmarks/MTProtoBenchmarks",
            swiftSettings: swiftSettings,
            plugins: [.plugin(name: "BenchmarkPlugin", package: "benchmark")]
        ),
    ],
    swiftLanguageModes: [.v6],
    cLanguageStandard: .c11
)
