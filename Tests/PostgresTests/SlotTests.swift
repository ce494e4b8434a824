import DevServers
import Foundation
import Logging
import Model
import Postgres
import Synchronization
import TestSupport
import Testing

@Suite("Slots, and who may use them", .onServers)
struct SlotTests {
    private static let table = [TableName(schema: "public", name: "t")]

    private func expectFailure(
        _ kind: Failure.Kind, naming words: String..., at location: SourceLocation = #_sourceLocation,
        _ body: () async throws -> Void
    ) async throws {
        do {
            try await body()
            Issue.record("it went well", sourceLocation: location)
        } catch let failure as Failure {
            #expect(failure.kind == kind, sourceLocation: location)
            #expect(failure.hint != nil, sourceLocation: location)
            for word in words { #expect(failure.message.contains(word), sourceLocation: location) }
        }
    }

    @Test func identity() async throws {
        let cluster = try await TestCluster.make()
        let source = try cluster.source()
        let identity = try await source.identify()
        let system = try await cluster.psql("SELECT system_identifier FROM pg_control_system()")
        #expect(identity.systemIdentifier == system)
        #expect(identity.timeline == 1)
        #expect(identity.database == cluster.database)
        #expect(identity.serverVersion >= 120_000)
        await source.close()
    }

    @Test func aSlotIsMadeShownAndDropped() async throws {
        let cluster = try await TestCluster.make("CREATE TABLE t (id int PRIMARY KEY);")
        let source = try cluster.source()
        #expect(try await source.slot() == nil)
        let snapshot = try await source.createSlot(timeout: .seconds(60))
        let slot = try #require(try await source.slot())
        #expect(slot.plugin == "pgoutput")
        #expect(slot.database == cluster.database)
        #expect(!slot.active)
        #expect(slot.confirmedFlushLSN == snapshot.consistentPoint)
        #expect(slot.heldBytes != nil)
        #expect(try await source.wherrySlots().contains { $0.name == slot.name })
        try await expectFailure(.configuration, naming: "exists") {
            _ = try await source.createSlot(timeout: .seconds(5))
        }
        try await source.dropSlot()
        try await source.dropSlot()
        #expect(try await source.slot() == nil)
        await source.close()
    }

    /// Any command on the connection that exports it would end it.
    @Test func askingForTheIdentityKeepsTheSnapshot() async throws {
        let cluster = try await TestCluster.make("CREATE TABLE t (id int PRIMARY KEY);")
        let source = try cluster.source()
        let snapshot = try await source.createSlot(timeout: .seconds(60))
        _ = try await source.identify()
        await (try await source.snapshotSource(snapshot).openReader()).close()
        await source.close()
    }

    @Test func gaps() async throws {
        let cluster = try await TestCluster.make("CREATE TABLE t (id int PRIMARY KEY);")
        let source = try cluster.source()
        try await source.ensurePublication(tables: Self.table)
        try await expectFailure(.dataGap, naming: "doesn't exist") {
            _ = try await source.open(after: LSN(rawValue: 1))
        }
        let start = try await source.createSlot(timeout: .seconds(60)).consistentPoint
        try await cluster.psql("INSERT INTO t VALUES (1);")
        try await cluster.psql(
            "SELECT pg_replication_slot_advance('wherry_\(cluster.database)', pg_current_wal_flush_lsn());")
        try await expectFailure(.dataGap, naming: "ahead of the checkpoint", "\(start)") {
            _ = try await source.open(after: start)
        }
        try await expectFailure(.dataGap, naming: "beyond the end") {
            _ = try await source.open(after: LSN(rawValue: .max))
        }
        await source.close()
    }

    @Test func anotherPluginsSlot() async throws {
        let cluster = try await TestCluster.make("CREATE TABLE t (id int PRIMARY KEY);")
        try await cluster.psql(
            "SELECT pg_create_logical_replication_slot('wherry_\(cluster.database)', 'wal2json');")
        let source = try cluster.source()
        try await expectFailure(.configuration, naming: "wal2json") { _ = try await source.open(after: .zero) }
        await source.close()
    }

    @Test func oneWorkerAPipeline() async throws {
        let cluster = try await TestCluster.make()
        let first = try cluster.source()
        let second = try cluster.source()
        #expect(try await second.activeWorker() == nil)
        try await first.acquire(wait: .zero)
        try await first.acquire(wait: .zero)
        let worker = try #require(try await second.activeWorker())
        #expect(worker.applicationName == "wherry \(cluster.database)")
        let heard = Mutex<[String]>([])
        try await expectFailure(.inUse, naming: "pid \(worker.pid)", worker.applicationName) {
            try await second.acquire(wait: .seconds(2)) { line in heard.withLock { $0.append(line) } }
        }
        #expect(heard.withLock { $0.allSatisfy { $0.contains("pid \(worker.pid)") } && !$0.isEmpty })
        await first.close()
        try await second.acquire(wait: .seconds(30))
        await second.close()
    }

    @Test func aSlotHeldBySomebodyElse() async throws {
        let cluster = try await TestCluster.make("CREATE TABLE t (id int PRIMARY KEY);")
        let stream = try await cluster.stream("t")
        // The same slot under another pipeline's name, so that the worker's lock doesn't come first.
        var settings = stream.source.settings
        settings.pipeline = "other"
        let other = try PostgresSource(
            settings, logger: Logger(label: "test", factory: { _ in SwiftLogNoOpLogHandler() }))
        try await expectFailure(.inUse, naming: "wherry \(cluster.database)") { _ = try await other.open(after: .zero) }
        try await expectFailure(.inUse, naming: "pid") { try await other.dropSlot(wait: .zero) }
        await other.close()
        await stream.close()
    }

    @Test func whoBlocksASlotIsNamed() async throws {
        var options = PostgresServer.Options()
        options.configuration = ["max_prepared_transactions": "2"]
        let server = try await PostgresServer.start(
            directory: SharedServers.directory("postgres-blockers"), options: options)
        let cluster = try await TestCluster.make("CREATE TABLE t (id int PRIMARY KEY);", on: server)
        let blocker = try await PostgresConnection.open(cluster.uri, application: "month-end report")
        try await blocker.query("BEGIN")
        try await blocker.query("INSERT INTO public.t VALUES (1)")
        try await cluster.psql("BEGIN; INSERT INTO t VALUES (2); PREPARE TRANSACTION 'left over';")
        let source = try cluster.source()
        let (heard, hear) = AsyncStream.makeStream(of: String.self)
        let waiting = Task { try await source.createSlot(timeout: .seconds(600)) { hear.yield($0) } }
        let line = await heard.first { _ in true }
        #expect(line?.contains("month-end report") == true)
        #expect(line?.contains("left over") == true)
        waiting.cancel()
        let result = await waiting.result
        #expect(throws: CancellationError.self) { try result.get() }
        try await expectFailure(.inUse, naming: "month-end report", "left over") {
            _ = try await source.createSlot(timeout: .seconds(1))
        }
        #expect(try await source.slot() == nil)
        try await blocker.query("COMMIT")
        try await cluster.psql("COMMIT PREPARED 'left over';")
        _ = try await source.createSlot(timeout: .seconds(60))
        await source.close()
        await blocker.close()
        try await server.remove()
    }
}
