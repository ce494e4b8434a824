// swift-tools-version: 6.1
import PackageDescription

// Micro-benchmarks: `swift package benchmark` here, or `make micro`. A package of its own, so that nobody needs
// ordo-one/benchmark to build Wherry. `Sources` is a link to the program's; the targets are those of ../Package.swift.

let settings: [SwiftSetting] = [
    .swiftLanguageMode(.v6),
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("MemberImportVisibility"),
]
/// See `testable` there.
let testable = settings + [.unsafeFlags(["-enable-testing"])]

let package = Package(
    name: "wherry-benchmarks",
    platforms: [.macOS(.v13)],
    dependencies: [
        // Without its traits, which count allocations by libraries of their own; valgrind does that (bench/hot_path.py).
        .package(url: "https://github.com/ordo-one/benchmark", .upToNextMinor(from: "1.38.1"), traits: []),
        .package(url: "https://github.com/apple/swift-log", .upToNextMinor(from: "1.16.2")),
    ],
    targets: [
        .systemLibrary(name: "CLibPQ", path: "Sources/CLibPQ", pkgConfig: "libpq"),
        .systemLibrary(name: "CLibCrypto", path: "Sources/CLibCrypto", pkgConfig: "libcrypto"),
        .target(name: "PinnedThread", path: "Sources/PinnedThread", swiftSettings: settings),
        .target(name: "BSON", path: "Sources/BSON", swiftSettings: testable),
        .target(name: "Model", dependencies: ["BSON"], path: "Sources/Model", swiftSettings: testable),
        .target(
            name: "Mapping", dependencies: ["CLibCrypto", "Model", "BSON"], path: "Sources/Mapping",
            swiftSettings: settings),
        .target(
            name: "Postgres",
            dependencies: ["CLibPQ", "PinnedThread", "Model", .product(name: "Logging", package: "swift-log")],
            path: "Sources/Postgres", resources: [.embedInCode("SQL")], swiftSettings: settings),
        .target(name: "BenchmarkSamples", dependencies: ["Model"], path: "Samples", swiftSettings: settings),
        .executableTarget(
            name: "Micro",
            dependencies: [
                "BenchmarkSamples", "Postgres", "Mapping", "Model", "BSON",
                .product(name: "Benchmark", package: "benchmark"),
            ],
            path: "Micro", swiftSettings: settings,
            plugins: [.plugin(name: "BenchmarkPlugin", package: "benchmark")]),
    ]
)
