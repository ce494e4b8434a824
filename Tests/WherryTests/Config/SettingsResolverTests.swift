import Model
import Replication
import Testing

@testable import WherryCommand

@Suite struct SettingsResolverTests {
    private func layer(_ change: (inout SettingsLayer) -> Void = { _ in }) -> SettingsLayer {
        var layer = SettingsLayer()
        layer.source = Given(value: "postgres://h/db", origin: "--source")
        layer.target = Given(value: "mongodb://h/shop", origin: "--target")
        change(&layer)
        return layer
    }

    private func resolve(_ change: (inout SettingsLayer) -> Void) throws -> Settings {
        try SettingsResolver([layer(change)]).settings()
    }

    @Test func defaults() throws {
        let settings = try resolve { _ in }
        #expect(settings.pipeline == "shop")
        #expect(settings.source.schemas == ["public"])
        #expect(settings.source.excluded.isEmpty)
        #expect(settings.source.plugin == .pgoutput)
        #expect(settings.source.slot == "wherry_shop")
        #expect(settings.source.publication == "wherry_shop")
        #expect(settings.target.uri.database == "shop")
        #expect(settings.target.stateDatabase == "wherry")
        #expect(settings.backfill == Settings.Backfill(mode: .live, workers: 2, maxChunkRows: 20_000))
        #expect(settings.apply == Settings.Apply(maxBatchOperations: 5000, maxBatchBytes: 4_194_304))
    }

    @Test func slotAndPublicationFollowThePipeline() throws {
        let settings = try resolve {
            $0.pipeline = Given(value: "p1", origin: "x")
            $0.publication = Given(value: "Own Name", origin: "x")
        }
        #expect(settings.source.slot == "wherry_p1")
        #expect(settings.source.publication == "Own Name")
    }

    /// For each setting: the flag over the variable over the file, and each of them alone.
    @Test func precedence() async throws {
        let flags = SettingsLayer.sample("flag", 1)
        let environment = SettingsLayer.sample("env", 2)
        let file = SettingsLayer.sample("file", 3)
        let none = SettingsLayer()
        for (layers, expected) in [
            ([flags, environment, file], flags), ([none, environment, file], environment), ([none, none, file], file),
            ([flags, none, file], flags), ([flags, none, none], flags),
        ] {
            let merged = layers.reduce(SettingsLayer()) { $0.over($1) }
            #expect(merged.all == expected.all)
        }
        #expect(flags.all.allSatisfy { $0 != "nil" }, "a setting is missing in the sample")
    }

    @Test func environmentIsRead() throws {
        let layer = try SettingsLayer(environment: [
            "WHERRY_SOURCE": "s", "WHERRY_TARGET": "t", "WHERRY_PIPELINE": "p", "WHERRY_STATE_DATABASE": "d",
            "WHERRY_SCHEMAS": "a, b", "WHERRY_EXCLUDE": "a.b,", "WHERRY_PLUGIN": "wal2json",
            "WHERRY_WORKERS": "7",
        ])
        #expect(layer.source == Given(value: "s", origin: "WHERRY_SOURCE"))
        #expect(layer.target?.value == "t")
        #expect(layer.pipeline?.value == "p")
        #expect(layer.stateDatabase?.value == "d")
        #expect(layer.schemas?.value == ["a", "b"])
        #expect(layer.exclude?.value == ["a.b"])
        #expect(layer.plugin == Given(value: "wal2json", origin: "WHERRY_PLUGIN"))
        #expect(layer.workers == Given(value: 7, origin: "WHERRY_WORKERS"))
        #expect(try SettingsLayer(environment: ["WHERRY_SOURCE": ""]).source == nil)
        #expect(failure { try SettingsLayer(environment: ["WHERRY_WORKERS": "x"]) }?.message == "WHERRY_WORKERS is 'x'")
    }

    @Test(arguments: [
        "Shop", "1shop", "_shop", "shöp", "shop-1", "", "shop shop", "a" + String(repeating: "b", count: 40),
    ])
    func pipelineNames(name: String) {
        let failure = failure { try resolve { $0.pipeline = Given(value: name, origin: "--pipeline") } }
        #expect(failure?.message == "--pipeline is '\(name)', which is no pipeline name")
        #expect(failure?.exitCode == .configuration)
    }

    @Test func theLongestPipelineName() throws {
        let name = "a" + String(repeating: "b", count: 39)
        #expect(try resolve { $0.pipeline = Given(value: name, origin: "x") }.source.slot == "wherry_" + name)
    }

    @Test func aTargetDatabaseThatIsNoPipelineName() {
        let failure = failure { try resolve { $0.target = Given(value: "mongodb://h/Shop", origin: "x") } }
        #expect(
            failure?.message
                == "the pipeline's default name, the target database, is 'Shop', which is no pipeline name")
        #expect(failure?.hint?.hasPrefix("Name the pipeline with --pipeline") == true)
    }

    @Test(arguments: ["", "Slot", "my-slot", "sl ot", String(repeating: "a", count: 64), "'; drop"])
    func slotNames(name: String) {
        let failure = failure { try resolve { $0.slot = Given(value: name, origin: "'source.slot' in f") } }
        #expect(failure?.message == "'source.slot' in f is '\(name)', which is no name for a replication slot")
    }

    @Test(arguments: ["", "a.b", "a b", "a$", "a/b", String(repeating: "a", count: 64)])
    func stateDatabaseNames(name: String) {
        let failure = failure { try resolve { $0.stateDatabase = Given(value: name, origin: "--state-database") } }
        #expect(
            failure?.message
                == "--state-database is '\(name)', which MongoDB doesn't allow as a database name")
    }

    @Test func stateAndDocumentsAreKeptApart() {
        let own = failure { try resolve { $0.stateDatabase = Given(value: "shop", origin: "--state-database") } }
        #expect(own?.message == "'shop' (--state-database) is the target's database too")
        let byDefault = failure { try resolve { $0.target = Given(value: "mongodb://h/wherry", origin: "x") } }
        #expect(byDefault?.message == "'wherry' (the default state database) is the target's database too")
        #expect(
            failure { try resolve { $0.stateDatabase = Given(value: "admin", origin: "x") } }?.exitCode
                == .configuration)
    }

    @Test func schemas() throws {
        #expect(try resolve { $0.schemas = Given(value: ["b", "a", "b"], origin: "x") }.source.schemas == ["b", "a"])
        #expect(failure { try resolve { $0.schemas = Given(value: [], origin: "f") } }?.message == "f names no schema")
        let own = failure { try resolve { $0.schemas = Given(value: ["pg_catalog"], origin: "--schema") } }
        #expect(own?.message == "--schema names 'pg_catalog', a schema of PostgreSQL itself")
    }

    @Test func excludedTables() throws {
        let names = ["public.audit", "\"my.schema\".\"a\"\"b\"", "Public.X"]
        let settings = try resolve { $0.exclude = Given(value: names, origin: "x") }
        let expected: Set = [
            TableName(schema: "public", name: "audit"), TableName(schema: "my.schema", name: "a\"b"),
            TableName(schema: "Public", name: "X"),
        ]
        #expect(settings.source.excluded == expected)
    }

    @Test(arguments: ["audit", "a.b.c", ".a", "a.", "", "\"a", "\"a\".", "a.\"\"", "a\"b.c"])
    func excludedTablesThatAreNone(text: String) {
        let failure = failure { try resolve { $0.exclude = Given(value: [text], origin: "--exclude") } }
        #expect(failure?.message == "--exclude has '\(text)', which is no schema.table")
    }

    @Test func numbersAndChoices() throws {
        #expect(
            failure { try resolve { $0.workers = Given(value: 0, origin: "--workers") } }?.message == "--workers is 0")
        #expect(failure { try resolve { $0.maxBatchOperations = Given(value: 100_001, origin: "x") } } != nil)
        for text in ["1", "1GiB", "-1", "x", "99999999999999999999MiB", "9999999999999999GiB"] {
            #expect(
                failure { try resolve { $0.maxBatchBytes = Given(value: text, origin: "x") } }?.message
                    == "x is '\(text)'")
        }
        #expect(try resolve { $0.maxBatchBytes = Given(value: "1 MB", origin: "x") }.apply.maxBatchBytes == 1_000_000)
        let plugin = failure { try resolve { $0.plugin = Given(value: "decoderbufs", origin: "x") } }
        #expect(plugin?.hint == "This version knows: pgoutput, wal2json.")
        #expect(try resolve { $0.plugin = Given(value: "wal2json", origin: "x") }.source.plugin == .wal2json)
        #expect(
            failure { try resolve { $0.backfillMode = Given(value: "lively", origin: "x") } }?.message
                == "x is 'lively'")
    }

    @Test func limitsOfTheBackfill() throws {
        #expect(try resolve { _ in }.backfill.limits == BackfillLimits([.lag: .at(60_000)]))
        let given = try resolve {
            $0.limits = [
                .lag: Given(value: "none", origin: "f"), .rowsPerSecond: Given(value: "70", origin: "f"),
                .heldWAL: Given(value: "1GiB", origin: "f"), .replicaLag: Given(value: "500ms", origin: "f"),
            ]
        }
        #expect(
            given.backfill.limits
                == BackfillLimits([
                    .lag: .unlimited, .rowsPerSecond: .at(70), .heldWAL: .at(1 << 30), .replicaLag: .at(500),
                ]))
        let wrong = failure { try resolve { $0.limits = [.heldWAL: Given(value: "lots", origin: "f")] } }
        #expect(wrong?.message == "f is 'lots'" && wrong?.exitCode == .configuration)
        #expect(wrong?.hint == "It must be a size of at least 1 MB, like 10GB or 512MiB, or none.")
    }

    @Test func aPipelineThatIsNotTheFilesOwnHasDefaultNames() throws {
        let resolver = SettingsResolver([
            layer {
                $0.pipeline = Given(value: "shop", origin: "f")
                $0.slot = Given(value: "custom", origin: "f")
                $0.publication = Given(value: "custom", origin: "f")
            }
        ])
        #expect(try resolver.settings(pipeline: "shop").source.slot == "custom")
        #expect(try resolver.settings(pipeline: "other").source.slot == "wherry_other")
        #expect(try resolver.settings(pipeline: "other").source.publication == "wherry_other")
        #expect(
            failure { try resolver.settings(pipeline: "No") }?.message
                == "the pipeline is 'No', which is no pipeline name")
    }

    @Test func whatIsMissing() {
        #expect(failure { try SettingsResolver([]).settings() }?.message == "no source is given")
        var onlySource = SettingsLayer()
        onlySource.source = Given(value: "postgres://h/db", origin: "x")
        #expect(failure { try SettingsResolver([onlySource]).settings() }?.message == "no target is given")
    }
}

extension SettingsLayer {
    fileprivate static func sample(_ word: String, _ number: Int) -> SettingsLayer {
        var layer = SettingsLayer()
        let text = Given(value: word, origin: word)
        (layer.source, layer.target, layer.pipeline, layer.stateDatabase) = (text, text, text, text)
        (layer.plugin, layer.slot, layer.publication, layer.backfillMode) = (text, text, text, text)
        let list = Given(value: [word], origin: word)
        (layer.schemas, layer.exclude, layer.tables) = (list, list, list)
        let given = Given(value: number, origin: word)
        (layer.workers, layer.maxChunkRows, layer.maxBatchOperations) = (given, given, given)
        (layer.maxBatchBytes, layer.maskSalt, layer.schemaChanges, layer.onRefused) = (text, text, text, text)
        layer.rowFilters = Given(value: number > 1, origin: word)
        layer.defaults = Given(value: ConfiguredDefaults(), origin: word)
        layer.limits = [.lag: text]
        layer.collections = Given(value: [word: ConfiguredCollection()], origin: word)
        return layer
    }

    /// Every property as text, found by reflection, so that a new one can't be forgotten in `over`.
    fileprivate var all: [String] { Mirror(reflecting: self).children.map { String(describing: $0.value) } }
}
