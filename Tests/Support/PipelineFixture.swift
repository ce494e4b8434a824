import BSON
import DevServers
import Foundation
import Model
import Mongo
import Postgres

/// A source database and a target database of their own, and the program between them.
package final class PipelineFixture: Sendable {
    package let postgres: PostgresServer
    package let mongo: MongoServer
    /// The name of everything: PostgreSQL's database, MongoDB's database, and the pipeline.
    package let name: String
    package let stateDatabase: String
    /// Where the logs of its runs are.
    package let folder: String
    package let inspector: MongoInspector
    private let plugin: OutputPlugin
    private let session: SourceSession
    private let store: MongoStateStore
    private let runs = Counter()

    /// - Parameters:
    ///   - postgres: the shared server when nil.
    ///   - mongo: the shared server when nil.
    ///   - plugin: of every run, whatever its file says; of pgoutput the file decides.
    ///   - encoding: of the source's database; the cluster's when nil.
    package init(
        _ prefix: String, postgres: PostgresServer? = nil, mongo: MongoServer? = nil, plugin: OutputPlugin = .underTest,
        encoding: String? = nil
    ) async throws {
        self.plugin = plugin
        self.postgres = if let postgres { postgres } else { try await SharedServers.shared.postgresServer() }
        self.mongo = if let mongo { mongo } else { try await SharedServers.shared.mongoServer() }
        name = uniqueName(prefix)
        stateDatabase = "state_\(name)"
        folder = SharedServers.directory(name)
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        inspector = try MongoInspector(uri: self.mongo.uri(database: name))
        store = MongoStateStore(
            pool: try MongoPool(uri: self.mongo.uri(database: name), applicationName: "wherry-test"),
            database: stateDatabase)
        let administrator = try await PostgresConnection.open(self.postgres.uri(), application: "test")
        let own = encoding.map { " ENCODING '\($0)' LC_COLLATE 'C' LC_CTYPE 'C' TEMPLATE template0" } ?? ""
        try await administrator.query("CREATE DATABASE \(name)\(own)")
        await administrator.close()
        LeftSlots.ofTest?.add(name, on: self.postgres)
        session = SourceSession(uri: self.postgres.uri(database: name))
    }

    package var sourceURI: String { postgres.uri(database: name) }
    package var targetURI: String { mongo.uri(database: name) }
    /// What both servers know the program's connections by.
    package var applicationName: String { "wherry \(name)" }

    /// Runs SQL on the source: one statement with parameters, or several without (one transaction then). Names are
    /// qualified: `search_path` is empty.
    @discardableResult
    package func sql(_ text: String, _ parameters: [String?] = []) async throws -> QueryResult {
        try await session.run(text, parameters)
    }

    /// After a restart of the source: the next statement finds its session open.
    package func reconnect() async { _ = try? await session.run("SELECT 1", []) }

    /// One more connection to the source, for a transaction that stays open.
    package func connect() async throws -> PostgresConnection {
        try await PostgresConnection.open(sourceURI, application: "test")
    }

    // MARK: - Runs

    /// Starts `wherry run` with this fixture's ends, a JSON log and a progress line every 100 ms.
    ///
    /// - Parameter limits: batch limits smaller than the default.
    package func wherry(
        _ arguments: [String] = [], limits: BatchSizes? = nil, environment: [String: String?] = [:]
    ) throws -> WherryProcess {
        let number = runs.next()
        var words = ["run", "--progress-interval", "100ms"] + connectionWords
        if let limits { words += try configurationWords(limits) }
        return try WherryProcess(
            words + arguments, environment: withPlugin(environment), folder: folder, name: "run-\(number)")
    }

    /// The flags that name a configuration file with these limits.
    package func configurationWords(_ limits: BatchSizes) throws -> [String] {
        let file = "\(folder)/limits-\(runs.next()).yaml"
        try Data(limits.configuration.utf8).write(to: URL(fileURLWithPath: file))
        return ["--config", file]
    }

    /// Starts any command, with exactly these words.
    package func command(_ words: [String], environment: [String: String?] = [:]) throws -> WherryProcess {
        try WherryProcess(words, environment: withPlugin(environment), folder: folder, name: "run-\(runs.next())")
    }

    /// A variable goes before the file: only where it says something.
    private func withPlugin(_ environment: [String: String?]) -> [String: String?] {
        plugin == .pgoutput ? environment : environment.merging(["WHERRY_PLUGIN": plugin.rawValue]) { own, _ in own }
    }

    /// `--source … --target … --pipeline … --state-database … --log-format json`
    package var connectionWords: [String] {
        [
            "--source", sourceURI, "--target", targetURI, "--pipeline", name, "--state-database", stateDatabase,
            "--log-format", "json",
        ]
    }

    /// Runs `wherry run` to its end and returns it.
    @discardableResult
    package func runToEnd(
        _ arguments: [String], limits: BatchSizes? = nil, within limit: Duration = .seconds(180)
    ) async throws -> WherryProcess {
        let process = try wherry(arguments, limits: limits)
        try await process.end(within: limit)
        return process
    }

    /// Applies everything that is committed now: `wherry run --until-caught-up` must end with 0.
    @discardableResult
    package func catchUp(limits: BatchSizes? = nil, arguments: [String] = []) async throws -> WherryProcess {
        let process = try await runToEnd(["--until-caught-up"] + arguments, limits: limits)
        guard process.child.exitStatus?.code == 0 else { throw TestFailure("wherry failed: \(process.tail)") }
        return process
    }

    // MARK: - Positions

    /// The pipeline's state document; nil before there is one.
    package func state() async throws -> BSONDocument? {
        try await inspector.documents("pipelines", filter: ["_id": .string(name)], on: stateDatabase).first
    }

    /// The stored checkpoint; nil before the copy is finished.
    package func checkpoint() async throws -> LSN? {
        try await state()?["checkpoint"]?.asDocument?["lsn"]?.asString.flatMap { LSN($0) }
    }

    /// Writes a message into the source's log: whatever committed before it lies behind its position.
    package func mark() async throws -> LSN {
        let statement = "SELECT pg_catalog.pg_logical_emit_message(true, 'test', '')"
        let answer: QueryResult
        do { answer = try await sql(statement) } catch let failure as Failure where failure.kind == .sourceInterrupted {
            // The server was restarted since the last statement.
            answer = try await sql(statement)
        }
        guard let lsn = answer.scalar.flatMap({ LSN($0) }) else { throw TestFailure("the message has no position") }
        return lsn
    }

    /// Whether every row that was there when the pipeline began is in the target, and none has to be read again.
    package func hasEveryRow() async throws -> Bool {
        guard try await store.tables(of: name).allSatisfy({ $0.backfill?.isFinished ?? true }) else { return false }
        return try await store.rereads(of: name).isEmpty
    }

    /// Waits until everything that is committed now is in the target, by the stored checkpoint, and every row before
    /// it.
    ///
    /// - Parameters:
    ///   - process: must go on running meanwhile.
    ///   - withEveryRow: false while a backfill is held back.
    package func waitUntilCaughtUp(
        _ process: WherryProcess, within limit: Duration = .seconds(180), withEveryRow: Bool = true
    ) async throws {
        let mark = try await mark()
        try await waitUntil("checkpoint passes \(mark)", process, within: limit) {
            do {
                guard try await self.checkpoint() ?? .zero >= mark else { return false }
                return try await withEveryRow ? self.hasEveryRow() : true
            } catch let failure as Failure
                where [.unreachable, .targetInterrupted].contains(failure.kind)
            {
                return false
            }
        }
    }

    /// Waits for a condition while the process has to go on running.
    ///
    /// - Throws: `TestFailure` with the end of the log.
    package func waitUntil(
        _ what: String, _ process: WherryProcess, within limit: Duration = .seconds(180),
        _ condition: () async throws -> Bool
    ) async throws {
        let deadline = ContinuousClock.now + limit
        while try await !condition() {
            guard process.isRunning else {
                let status = process.child.exitStatus
                throw TestFailure(
                    "wherry ended with code \(status?.code ?? -1), signal \(status?.signal ?? 0) before \(what): "
                        + process.tail)
            }
            guard .now < deadline else { throw TestFailure("waited \(limit) in vain until \(what): \(process.tail)") }
            try await Task.sleep(for: .milliseconds(15))
        }
    }

    /// Compares every row of every table with its document. Empty when all is equal; at most 20 lines for each table.
    ///
    /// - Parameter shared: the collection that all tables go into, with their names as `kind`.
    package func compare(excluding: Set<String> = [], in shared: String? = nil) async throws -> [String] {
        try await TableComparison(fixture: self, shared: shared).run(excluding: excluding)
    }
}

/// Batch limits for a run's configuration file.
extension OutputPlugin {
    /// Of tests that name none: `WHERRY_TEST_PLUGIN`, by which all of them are tried with the other one.
    package static let underTest =
        ProcessInfo.processInfo.environment["WHERRY_TEST_PLUGIN"].flatMap { OutputPlugin(rawValue: $0) } ?? .pgoutput
}

package struct BatchSizes: Sendable {
    package var operations: Int
    package var bytes: Int
    /// `backfill.mode`; the default when nil.
    package var backfill: String?
    /// `backfill.max_chunk_rows`
    package var chunkRows: Int?
    /// `backfill.max_rows_per_second`
    package var rowsPerSecond: Int?
    /// `source.plugin`
    package var plugin: OutputPlugin?

    package init(
        operations: Int = 5000, bytes: Int = 16 << 20, backfill: String? = nil, chunkRows: Int? = nil,
        rowsPerSecond: Int? = nil, plugin: OutputPlugin? = nil
    ) {
        self.operations = operations
        self.bytes = bytes
        self.backfill = backfill
        self.chunkRows = chunkRows
        self.rowsPerSecond = rowsPerSecond
        self.plugin = plugin
    }

    var configuration: String {
        "apply:\n  max_batch_operations: \(operations)\n  max_batch_bytes: \(bytes)\n"
            + (backfill != nil || chunkRows != nil || rowsPerSecond != nil ? "backfill:\n" : "")
            + (backfill.map { "  mode: \($0)\n" } ?? "") + (chunkRows.map { "  max_chunk_rows: \($0)\n" } ?? "")
            + (rowsPerSecond.map { "  max_rows_per_second: \($0)\n" } ?? "")
            + (plugin.map { "source:\n  plugin: \($0.rawValue)\n" } ?? "")
    }
}
