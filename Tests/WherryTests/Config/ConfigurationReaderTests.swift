import Foundation
import Model
import TestSupport
import Testing

@testable import WherryCommand

@Suite struct ConfigurationReaderTests {
    private func parse(_ text: String, _ environment: [String: String] = [:]) throws -> ConfigurationFile {
        try ConfigurationReader(environment: environment, file: "wherry.yaml").parse(text)
    }

    @Test func readsEveryKey() throws {
        let file = try parse(
            """
            pipeline: shop
            source:
              uri: "${PG_URI}"
              schemas: [public, sales]
              exclude: [public.audit]
              plugin: pgoutput
              slot: my_slot
              publication: my_publication
            target: { uri: "mongodb://h/shop", state_database: state }
            backfill:
              { mode: exported, workers: 4, max_rows_per_second: 500, max_lag: 90s, max_held_wal: 1GB, max_replica_lag: none }
            apply: { max_batch_operations: 100, max_batch_bytes: 8MiB }
            collections:
              orders: { from: "${TABLE}", last_modified: updated_at, dual_write: true }
              a.b: { from: public.b }
            """, ["PG_URI": "postgres://h/db", "TABLE": "public.orders"])
        let expected = ConfigurationFile(
            pipeline: "shop",
            source: .init(
                uri: "postgres://h/db", schemas: ["public", "sales"], exclude: ["public.audit"], plugin: "pgoutput",
                slot: "my_slot", publication: "my_publication"),
            target: .init(uri: "mongodb://h/shop", stateDatabase: "state"),
            backfill: .init(
                mode: "exported", workers: 4, maxRowsPerSecond: "500", maxLag: "90s", maxHeldWAL: "1GB",
                maxReplicaLag: "none"),
            apply: .init(maxBatchOperations: 100, maxBatchBytes: "8MiB"),
            collections: [
                "orders": .init(from: "public.orders", lastModified: "updated_at", dualWrite: true),
                "a.b": .init(from: "public.b"),
            ])
        #expect(file == expected)
    }

    @Test(arguments: ["", "# nothing", "source:\n", "source: {uri: }"])
    func emptyIsNothing(text: String) throws {
        let file = try parse(text)
        #expect(file.pipeline == nil && file.source?.uri == nil)
    }

    @Test(arguments: [
        ("pipelin: shop", "wherry.yaml: unknown key 'pipelin'", "Did you mean 'pipeline'?"),
        ("source: {ur: x}", "wherry.yaml: unknown key 'source.ur'", "Did you mean 'source.uri'?"),
        ("source: {shcemas: [a]}", "wherry.yaml: unknown key 'source.shcemas'", "Did you mean 'source.schemas'?"),
        (
            "apply: {max_batch_byte: 1}", "wherry.yaml: unknown key 'apply.max_batch_byte'",
            "Did you mean 'apply.max_batch_bytes'?"
        ),
        ("slot: x", "wherry.yaml: unknown key 'slot'", "Did you mean 'source.slot'?"),
        (
            "backfill: {speed: 5}", "wherry.yaml: unknown key 'backfill.speed'",
            "Known here: max_chunk_rows, max_held_wal, max_lag, max_replica_lag, max_rows_per_second, mode, workers."
        ),
        (
            "http: {listen: x}", "wherry.yaml: unknown key 'http'",
            "Known here: apply, backfill, collections, defaults, mask_salt, pipeline, schema_changes, source, target."
        ),
        (
            "collections: {orders: {last_modifed: x}}", "wherry.yaml: unknown key 'collections.orders.last_modifed'",
            "Did you mean 'collections.orders.last_modified'?"
        ),
        (
            "collections: {orders: {fields: x}}", "wherry.yaml: unknown key 'collections.orders.fields'",
            "Known here: case, compute, discriminator, drop, dual_write, from, id, indexes, into, keep, last_modified, mask, nulls, "
                + "numeric_overflow, out_of_range, rename, timestamp, type, unknown_type, where."
        ),
        ("dual_write: true", "wherry.yaml: unknown key 'dual_write'", "Did you mean 'collections.NAME.dual_write'?"),
    ])
    func unknownKeys(text: String, message: String, hint: String) {
        let failure = failure { try parse(text) }
        #expect(failure == Failure(.configuration, message, hint: hint))
    }

    @Test(arguments: [
        ("backfill: {workers: many}", "wherry.yaml: 'backfill.workers' must be a whole number"),
        ("backfill: {workers: 1.5}", "wherry.yaml: 'backfill.workers' must be a whole number"),
        ("backfill: {workers: \"4\"}", "wherry.yaml: 'backfill.workers' must be a whole number"),
        ("backfill: {workers: 99999999999999999999}", "wherry.yaml: 'backfill.workers' must be a whole number"),
        ("source: {schemas: public}", "wherry.yaml: 'source.schemas' must be a list, like [public]"),
        ("source: {schemas: [[a]]}", "wherry.yaml: 'source.schemas.[0]' must be text"),
        ("collections: [secret]", "wherry.yaml: 'collections' must be a mapping of keys to values"),
        ("collections: {orders: secret}", "wherry.yaml: 'collections.orders' must be a mapping of keys to values"),
        (
            "collections: {orders: {dual_write: secret}}",
            "wherry.yaml: 'collections.orders.dual_write' must be true or false"
        ),
        ("source: secret", "wherry.yaml: 'source' must be a mapping of keys to values"),
        ("source: {uri: {a: b}}", "wherry.yaml: 'source.uri' must be text"),
        ("secret", "wherry.yaml: the file must be a mapping of keys to values"),
        ("[secret]", "wherry.yaml: the file must be a mapping of keys to values"),
    ])
    func wrongTypes(text: String, message: String) {
        let failure = failure { try parse(text) }
        #expect(failure?.message == message)
        #expect(failure?.exitCode == .configuration)
    }

    @Test(arguments: [
        "source: {uri: 'postgres://u:s3cret@h/db", "source: s3cret: x", "a: [s3cret", "\turi: s3cret",
        "pipeline: s3cret\npipeline: s3cret", "source: *s3cret",
    ])
    func brokenYAMLNamesThePlaceAndNoValue(text: String) {
        let failure = failure { try parse(text) }
        #expect(failure?.message.hasPrefix("wherry.yaml is no valid YAML: ") == true, "\(String(describing: failure))")
        #expect(failure.map { "\($0)".contains("s3cret") } == false)
    }

    @Test func variablesAreExpandedAfterParsing() throws {
        let file = try parse(
            "pipeline: ${A}${B}\nbackfill: {workers: \"${N}\"}\nsource: {slot: $$x$y, schemas: [\"${S}\"]}",
            ["A": "sh", "B": "op", "N": "3", "S": "a: [b"])
        #expect(file.pipeline == "shop")
        #expect(file.backfill?.workers == 3)
        #expect(file.source?.slot == "$x$y")
        #expect(file.source?.schemas == ["a: [b"])
    }

    @Test(arguments: [
        ("source: {uri: \"${PG_URI}\"}", "the variable PG_URI in 'source.uri' (wherry.yaml) is not set"),
        ("source: {schemas: [a, \"${X}\"]}", "the variable X in 'source.schemas.[1]' (wherry.yaml) is not set"),
        ("pipeline: \"${A\"", "'${' without '}' in 'pipeline' (wherry.yaml)"),
        ("pipeline: \"${}\"", "what stands in '${…}' in 'pipeline' (wherry.yaml) is no name of a variable"),
        ("pipeline: \"${1A}\"", "what stands in '${…}' in 'pipeline' (wherry.yaml) is no name of a variable"),
    ])
    func variablesThatCannotBeExpanded(text: String, message: String) {
        let failure = failure { try parse(text) }
        #expect(failure?.message == message)
        #expect(failure?.exitCode == .configuration)
    }

    @Test func aFileThatIsNotThere() {
        let failure = failure { try ConfigurationReader.read(path: "/nowhere/wherry.yaml", environment: [:]) }
        #expect(failure?.message == "can't read the configuration file /nowhere/wherry.yaml")
        #expect(failure?.exitCode == .configuration)
    }

    /// Any bytes end in a value or in a `Failure`, and never in a trap.
    @Test func survivesNoise() throws {
        var random = SeededGenerator(seed: 7)
        let whole = Array(
            "pipeline: shop\nsource: {uri: \"${A}\", schemas: [a, b]}\napply: {max_batch_bytes: 1}\n".utf8)
        for _ in 0..<300 {
            var bytes = whole
            for _ in 0..<Int.random(in: 1...4, using: &random) {
                bytes[Int.random(in: 0..<bytes.count, using: &random)] = UInt8.random(in: 0..<128, using: &random)
            }
            do { _ = try parse(String(decoding: bytes, as: UTF8.self), ["A": "b"]) } catch { #expect(error is Failure) }
        }
    }
}
