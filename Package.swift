// swift-tools-version: 6.1
import PackageDescription

// The targets stand in the order of the data flow; ARCHITECTURE.md says who may import whom.
// Nothing is public: `package` access is as far as a declaration goes.

let settings: [SwiftSetting] = [
    .swiftLanguageMode(.v6),
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("MemberImportVisibility"),
]
/// For Replication and WherryCommand, whose tests look inside, in the one release build that demo and tests share; and for
/// BSON and Model, whose `@inlinable` functions others are to have inlined, which the compiler (6.3.1) does with `package`
/// ones only so: 15 % fewer instructions a row.
let testable = settings + [.unsafeFlags(["-enable-testing"])]

let package = Package(
    name: "wherry",
    products: [
        .executable(name: "wherry", targets: ["wherry"])
    ],
    dependencies: [
        .package(url: "https://github.com/apple/swift-argument-parser", .upToNextMinor(from: "1.8.2")),
        .package(url: "https://github.com/apple/swift-log", .upToNextMinor(from: "1.16.2")),
        .package(url: "https://github.com/apple/swift-metrics", .upToNextMinor(from: "2.13.0")),
        .package(url: "https://github.com/swift-server/swift-service-lifecycle", .upToNextMinor(from: "2.13.0")),
        .package(url: "https://github.com/jpsim/Yams", .upToNextMinor(from: "6.2.2")),
    ],
    targets: [
        // Layer 0: the C libraries, threads, bytes.
        .systemLibrary(name: "CLibPQ", pkgConfig: "libpq", providers: [.apt(["libpq-dev"])]),
        .systemLibrary(name: "CLibMongo", pkgConfig: "libmongoc-1.0", providers: [.apt(["libmongoc-dev"])]),
        .systemLibrary(name: "CLibCrypto", pkgConfig: "libcrypto", providers: [.apt(["libssl-dev"])]),
        .target(name: "PinnedThread", swiftSettings: settings),
        .target(name: "BSON", swiftSettings: testable),

        // Layer 1: nouns and ports, no I/O.
        .target(name: "Model", dependencies: ["BSON"], swiftSettings: testable),

        // Layer 2: one target a neighbour.
        .target(name: "Mapping", dependencies: ["CLibCrypto", "Model", "BSON"], swiftSettings: settings),
        .target(
            name: "Postgres",
            dependencies: ["CLibPQ", "PinnedThread", "Model", .product(name: "Logging", package: "swift-log")],
            // A link to sql/catalog: what the program asks the catalogue is what psql runs.
            resources: [.embedInCode("SQL")],
            swiftSettings: settings),
        .target(
            name: "Mongo",
            dependencies: [
                "CLibMongo", "PinnedThread", "BSON", "Model", .product(name: "Logging", package: "swift-log"),
            ],
            swiftSettings: settings),

        // Layer 3: the engine.
        .target(
            name: "Replication",
            dependencies: [
                "Model", "Mapping", "BSON",
                .product(name: "Logging", package: "swift-log"),
                .product(name: "Metrics", package: "swift-metrics"),
            ],
            swiftSettings: testable),

        // Layer 4: the program. A library, so that tests can import it, and an executable that only calls it.
        .target(
            name: "WherryCommand",
            dependencies: [
                "Model", "Mapping", "Postgres", "Mongo", "Replication", "BSON",
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
                .product(name: "Logging", package: "swift-log"),
                .product(name: "ServiceLifecycle", package: "swift-service-lifecycle"),
                .product(name: "UnixSignals", package: "swift-service-lifecycle"),
                .product(name: "Yams", package: "Yams"),
            ],
            swiftSettings: testable),
        .executableTarget(name: "wherry", dependencies: ["WherryCommand"], swiftSettings: settings),

        // Development only: real servers on loopback, for demo, tests and benchmarks.
        .target(name: "CSpawn"),
        .target(name: "DevServers", dependencies: ["CSpawn"], swiftSettings: settings),
        .executableTarget(
            name: "wherry-dev",
            dependencies: [
                "DevServers", .product(name: "ArgumentParser", package: "swift-argument-parser"),
            ],
            swiftSettings: settings),
        .target(
            name: "BenchmarkSamples", dependencies: ["Model"], path: "Benchmarks/Samples", swiftSettings: settings),
        .executableTarget(
            name: "wherry-hot-path",
            dependencies: ["BenchmarkSamples", "Postgres", "Replication", "Mapping", "Model", "BSON"],
            path: "Benchmarks/HotPath",
            swiftSettings: settings),
        .target(name: "DriverReader", dependencies: ["CLibMongo"], path: "Tests/DriverReader"),
        .target(
            name: "TestSupport",
            dependencies: ["DevServers", "DriverReader", "PinnedThread", "Model", "BSON", "Postgres", "Mongo"],
            path: "Tests/Support",
            swiftSettings: settings),

        .testTarget(name: "DevServersTests", dependencies: ["DevServers", "TestSupport"], swiftSettings: settings),
        .testTarget(name: "BSONTests", dependencies: ["BSON", "TestSupport"], swiftSettings: settings),
        .testTarget(name: "ModelTests", dependencies: ["Model", "TestSupport"], swiftSettings: settings),
        .testTarget(
            name: "MappingTests", dependencies: ["Mapping", "Model", "BSON", "Postgres", "DevServers", "TestSupport"],
            swiftSettings: settings),
        .testTarget(
            name: "PostgresTests",
            dependencies: [
                "Postgres", "Model", "DevServers", "TestSupport", .product(name: "Logging", package: "swift-log"),
            ],
            swiftSettings: settings),
        .testTarget(
            name: "MongoTests",
            dependencies: [
                "Mongo", "Model", "BSON", "TestSupport", "DevServers", .product(name: "Logging", package: "swift-log"),
            ], swiftSettings: settings),
        .testTarget(
            name: "ReplicationTests",
            dependencies: [
                "Replication", "Mapping", "Model", "BSON", "TestSupport",
                .product(name: "Logging", package: "swift-log"),
            ], swiftSettings: settings),
        .testTarget(
            name: "WherryTests",
            dependencies: [
                "WherryCommand", "wherry", "BSON", "Model", "Mapping", "Postgres", "Replication", "DevServers",
                "TestSupport",
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
                .product(name: "Logging", package: "swift-log"),
                .product(name: "UnixSignals", package: "swift-service-lifecycle"),
                .product(name: "Yams", package: "Yams"),
            ],
            swiftSettings: settings),
        .testTarget(
            name: "IntegrationTests",
            dependencies: [
                "DevServers", "Model", "BSON", "Mapping", "Postgres", "Mongo", "Replication", "TestSupport",
                .product(name: "Logging", package: "swift-log"),
            ],
            swiftSettings: settings),
    ]
)
