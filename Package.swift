// swift-tools-version: 6.2
import PackageDescription

let swiftSettings: [SwiftSetting] = [
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("InternalImportsByDefault"),
    .enableUpcomingFeature("MemberImportVisibility"),
    .treatAllWarnings(as: .error),
]

let cSettings: [CSetting] = [
    .treatAllWarnings(as: .error)
]

let package = Package(
    name: "swift-mtproto",
    platforms: [.macOS(.v15), .iOS(.v18), .tvOS(.v18), .watchOS(.v11), .visionOS(.v2)],
    products: [
        .library(name: "MTProtoCrypto", targets: ["MTProtoCrypto"]),
        .library(name: "MTProtoTransport", targets: ["MTProtoTransport"]),
        .library(name: "MTProtoSession", targets: ["MTProtoSession"]),
        .library(name: "MTProtoClient", targets: ["MTProtoClient"]),
        .library(name: "MTProtoServer", targets: ["MTProtoServer"]),
        .executable(name: "mtproto", targets: ["mtproto"]),
    ],
    dependencies: [
        .package(url: "https://github.com/apple/swift-nio", from: "2.101.0"),
        .package(url: "https://github.com/apple/swift-nio-ssl", from: "2.37.0"),
        .package(url: "https://github.com/apple/swift-crypto", from: "4.5.0"),
        .package(url: "https://github.com/apple/swift-certificates", from: "1.21.0"),
        .package(url: "https://github.com/apple/swift-asn1", from: "1.7.0"),
        .package(url: "https://github.com/apple/swift-collections", from: "1.6.0"),
        .package(url: "https://github.com/apple/swift-log", from: "1.16.0"),
        .package(url: "https://github.com/apple/swift-metrics", from: "2.13.0"),
        .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.0"),
        .package(url: "https://github.com/swift-server/swift-service-lifecycle", from: "2.13.0"),
    ],
    targets: [
        .target(
            name: "CMTProtoCrypto",
            dependencies: [.product(name: "CryptoExtras", package: "swift-crypto")],
            cSettings: cSettings
        ),
        .target(
            name: "CMTProtoZlib",
            cSettings: cSettings,
            linkerSettings: [.linkedLibrary("z")]
        ),
        .target(
            name: "MTProtoCrypto",
            dependencies: [
                "CMTProtoCrypto",
                .product(name: "Crypto", package: "swift-crypto"),
                .product(name: "CryptoExtras", package: "swift-crypto"),
                .product(name: "SwiftASN1", package: "swift-asn1"),
            ],
            swiftSettings: swiftSettings
        ),
        .target(
            name: "MTProtoTransport",
            dependencies: [
                "MTProtoCrypto",
                .product(name: "NIOCore", package: "swift-nio"),
                .product(name: "NIOHTTP1", package: "swift-nio"),
                .product(name: "NIOWebSocket", package: "swift-nio"),
            ],
            swiftSettings: swiftSettings
        ),
        .target(
            name: "MTProtoSession",
            dependencies: [
                "CMTProtoZlib",
                "MTProtoCrypto",
                "MTProtoTransport",
                .product(name: "NIOCore", package: "swift-nio"),
                .product(name: "DequeModule", package: "swift-collections"),
                .product(name: "OrderedCollections", package: "swift-collections"),
            ],
            swiftSettings: swiftSettings
        ),
        .target(
            name: "MTProtoClient",
            dependencies: [
                "MTProtoCrypto",
                "MTProtoTransport",
                "MTProtoSession",
                .product(name: "NIOCore", package: "swift-nio"),
                .product(name: "NIOPosix", package: "swift-nio"),
                .product(name: "NIOHTTP1", package: "swift-nio"),
                .product(name: "NIOSSL", package: "swift-nio-ssl"),
                .product(name: "NIOTLS", package: "swift-nio"),
                .product(name: "NIOWebSocket", package: "swift-nio"),
                .product(name: "Logging", package: "swift-log"),
                .product(name: "ServiceLifecycle", package: "swift-service-lifecycle"),
            ],
            swiftSettings: swiftSettings
        ),
        .target(
            name: "MTProtoServer",
            dependencies: [
                "MTProtoCrypto",
                "MTProtoTransport",
                "MTProtoSession",
                .product(name: "NIOCore", package: "swift-nio"),
                .product(name: "NIOPosix", package: "swift-nio"),
                .product(name: "NIOHTTP1", package: "swift-nio"),
                .product(name: "NIOSSL", package: "swift-nio-ssl"),
                .product(name: "NIOTLS", package: "swift-nio"),
                .product(name: "NIOWebSocket", package: "swift-nio"),
                .product(name: "Crypto", package: "swift-crypto"),
                .product(name: "Metrics", package: "swift-metrics"),
                .product(name: "SwiftASN1", package: "swift-asn1"),
                .product(name: "X509", package: "swift-certificates"),
                .product(name: "Logging", package: "swift-log"),
                .product(name: "DequeModule", package: "swift-collections"),
                .product(name: "ServiceLifecycle", package: "swift-service-lifecycle"),
            ],
            swiftSettings: swiftSettings
        ),
        .executableTarget(
            name: "mtproto",
            dependencies: [
                "MTProtoClient",
                "MTProtoCrypto",
                "MTProtoServer",
                "MTProtoSession",
                "MTProtoTransport",
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
                .product(name: "Logging", package: "swift-log"),
                .product(name: "NIOCore", package: "swift-nio"),
                .product(name: "NIOSSL", package: "swift-nio-ssl"),
                .product(name: "ServiceLifecycle", package: "swift-service-lifecycle"),
                .product(name: "UnixSignals", package: "swift-service-lifecycle"),
            ],
            swiftSettings: swiftSettings
        ),
        // What the package Fuzz drives, here so that a test replays its corpora.
        .target(
            name: "MTProtoFuzzing",
            dependencies: [
                "MTProtoCrypto", "MTProtoTransport", "MTProtoSession",
                .product(name: "NIOCore", package: "swift-nio"),
                .product(name: "NIOEmbedded", package: "swift-nio"),
                .product(name: "NIOHTTP1", package: "swift-nio"),
                .product(name: "NIOWebSocket", package: "swift-nio"),
            ],
            path: "Fuzz/Sources/MTProtoFuzzing",
            swiftSettings: swiftSettings
        ),
        .target(
            name: "MTProtoTestSupport",
            dependencies: [
                "MTProtoCrypto", "MTProtoTransport",
                .product(name: "NIOCore", package: "swift-nio"),
                .product(name: "NIOPosix", package: "swift-nio"),
            ],
            path: "Tests/MTProtoTestSupport",
            swiftSettings: swiftSettings
        ),
        .testTarget(
            name: "MTProtoTestSupportTests",
            dependencies: [
                "MTProtoTestSupport", "MTProtoTransport",
                .product(name: "NIOCore", package: "swift-nio"),
                .product(name: "NIOPosix", package: "swift-nio"),
            ],
            swiftSettings: swiftSettings
        ),
        .testTarget(
            name: "MTProtoFuzzingTests",
            dependencies: ["MTProtoFuzzing"],
            swiftSettings: swiftSettings
        ),
        .testTarget(
            name: "MTProtoCommandTests",
            dependencies: [
                "mtproto", "MTProtoTestSupport", "MTProtoClient", "MTProtoTransport",
                .product(name: "NIOCore", package: "swift-nio"),
                .product(name: "NIOPosix", package: "swift-nio"),
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
            ],
            swiftSettings: swiftSettings
        ),
        .testTarget(
            name: "MTProtoCryptoTests",
            dependencies: ["MTProtoCrypto"],
            swiftSettings: swiftSettings
        ),
        .testTarget(
            name: "MTProtoTransportTests",
            dependencies: [
                "MTProtoCrypto", "MTProtoTransport",
                .product(name: "NIOCore", package: "swift-nio"),
                .product(name: "NIOHTTP1", package: "swift-nio"),
                .product(name: "NIOWebSocket", package: "swift-nio"),
                .product(name: "NIOEmbedded", package: "swift-nio"),
            ],
            swiftSettings: swiftSettings
        ),
        .testTarget(
            name: "MTProtoSessionTests",
            dependencies: [
                "MTProtoCrypto", "MTProtoTransport", "MTProtoSession",
                .product(name: "NIOCore", package: "swift-nio"),
            ],
            swiftSettings: swiftSettings
        ),
        .testTarget(
            name: "MTProtoClientTests",
            dependencies: [
                "MTProtoTestSupport",
                "MTProtoClient", "MTProtoServer", "MTProtoCrypto", "MTProtoTransport", "MTProtoSession",
                .product(name: "Logging", package: "swift-log"),
                .product(name: "NIOCore", package: "swift-nio"),
                .product(name: "NIOEmbedded", package: "swift-nio"),
                .product(name: "NIOPosix", package: "swift-nio"),
                .product(name: "NIOHTTP1", package: "swift-nio"),
                .product(name: "NIOSSL", package: "swift-nio-ssl"),
                .product(name: "NIOTLS", package: "swift-nio"),
                .product(name: "NIOWebSocket", package: "swift-nio"),
                .product(name: "ServiceLifecycle", package: "swift-service-lifecycle"),
            ],
            swiftSettings: swiftSettings
        ),
        .testTarget(
            name: "MTProtoServerTests",
            dependencies: [
                "MTProtoTestSupport",
                "MTProtoClient", "MTProtoServer", "MTProtoCrypto", "MTProtoTransport", "MTProtoSession",
                .product(name: "NIOCore", package: "swift-nio"),
                .product(name: "NIOEmbedded", package: "swift-nio"),
                .product(name: "NIOPosix", package: "swift-nio"),
                .product(name: "NIOHTTP1", package: "swift-nio"),
                .product(name: "NIOSSL", package: "swift-nio-ssl"),
                .product(name: "NIOTLS", package: "swift-nio"),
                .product(name: "NIOWebSocket", package: "swift-nio"),
                .product(name: "Logging", package: "swift-log"),
                .product(name: "Metrics", package: "swift-metrics"),
                .product(name: "MetricsTestKit", package: "swift-metrics"),
            ],
            swiftSettings: swiftSettings
        ),
    ],
    swiftLanguageModes: [.v6],
    cLanguageStandard: .c11
)

// CI runs each sanitizer over a part of the package, and builds nothing else with it: every other module, and what only it
// depends on, would cost minutes.
let parts: [String: Set<String>] = [
    "core": ["MTProtoCryptoTests", "MTProtoTransportTests", "MTProtoSessionTests", "MTProtoFuzzingTests"],
    "network": ["MTProtoClientTests", "MTProtoServerTests"],
]
if let roots = Context.environment["SWIFT_MTPROTO_PART"].flatMap({ parts[$0] }) {
    var names = roots
    var hasMore = true
    while hasMore {
        let count = names.count
        for target in package.targets where names.contains(target.name) {
            for case .byNameItem(let name, _) in target.dependencies { names.insert(name) }
        }
        hasMore = names.count > count
    }
    package.targets.removeAll { !names.contains($0.name) }
    package.products = []
    let packages = Set(
        package.targets.flatMap(\.dependencies).compactMap { dependency in
            if case .productItem(_, let package, _, _) = dependency { package } else { nil }
        }
    )
    package.dependencies.removeAll { dependency in
        guard case .sourceControl(_, let location, _) = dependency.kind else { return false }
        return !packages.contains { location.hasSuffix("/\($0)") }
    }
}
