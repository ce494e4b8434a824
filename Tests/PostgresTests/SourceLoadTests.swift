import DevServers
import Foundation
import Model
import Postgres
import TestSupport
import Testing

/// What the source says of itself and its standbys, and of transactions in the way.
@Suite(.onServers) struct SourceLoadTests {
    @Test func withoutStandbysThereIsNoLag() async throws {
        let cluster = try await TestCluster.make()
        let source = try cluster.source()
        let now = Date().timeIntervalSince1970 - Double(SourceTime.epochOffsetSeconds)
        let load = try await source.load()
        #expect(abs(Double(load.clock.microseconds) / 1_000_000 - now) < 30)
        #expect(load.replicaLag == nil && !load.hidesReplicas)
        await source.close()
    }

    /// A role that may not look at walsenders knows that there are some, and no more.
    @Test func aRoleWithoutPgMonitorSeesNoStandby() async throws {
        let server = try await PostgresServer.start(directory: SharedServers.directory(uniqueName("load")))
        let cluster = try await TestCluster.make("CREATE ROLE plain LOGIN", on: server)
        // Any walsender that doesn't stream from a logical slot could be a standby's.
        let sender = try cluster.source()
        try await sender.acquire(wait: .zero)
        let source = try cluster.source(uri: server.uri(user: "plain", database: cluster.database))
        #expect(try await source.load().hidesReplicas)
        try await cluster.psql("GRANT pg_monitor TO plain")
        #expect(try await !source.load().hidesReplicas)
        await source.close()
        await sender.close()
        try await server.remove()
    }

    @Test func aStandbyThatStandsStillFallsBehind() async throws {
        let primary = try await PostgresServer.start(directory: SharedServers.directory(uniqueName("primary")))
        let cluster = try await TestCluster.make("CREATE TABLE t (id int)", on: primary)
        let directory = SharedServers.directory(uniqueName("standby"))
        try await primary.stop()
        try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: true)
        try await Command("cp", ["-a", primary.dataDirectory, "\(directory)/data"]).succeed()
        #expect(FileManager.default.createFile(atPath: "\(directory)/data/standby.signal", contents: nil))
        try await primary.start()
        var options = PostgresServer.Options()
        options.keepsData = true
        options.configuration = [
            "primary_conninfo": "host=127.0.0.1 port=\(primary.port) user=postgres",
            "wal_receiver_status_interval": "1s",
        ]
        let standby = try await PostgresServer.start(directory: directory, options: options)
        let source = try cluster.source()
        // It has to have replayed something before the server can say how long that takes.
        try await eventually("the standby replays") {
            try await cluster.psql("INSERT INTO t VALUES (1)")
            return try await source.load().replicaLag != nil
        }
        try await standby.psql("SELECT pg_wal_replay_pause()")
        try await eventually("it falls behind") {
            try await cluster.psql("INSERT INTO t VALUES (1)")
            return try await source.load().replicaLag ?? 0 > 1500
        }
        try await standby.psql("SELECT pg_wal_replay_resume()")
        try await eventually("it catches up") {
            try await cluster.psql("INSERT INTO t VALUES (1)")
            return try await source.load().replicaLag ?? 0 < 1000
        }
        await source.close()
        try await standby.remove()
        try await primary.remove()
    }

    /// Without pg_monitor too, by the top-level id, and no text of a query.
    @Test func whoHasWrittenIsNamed() async throws {
        var options = PostgresServer.Options()
        options.configuration = ["max_prepared_transactions": "2"]
        let server = try await PostgresServer.start(
            directory: SharedServers.directory(uniqueName("running")), options: options)
        let cluster = try await TestCluster.make("CREATE TABLE t (id int); CREATE ROLE plain LOGIN", on: server)
        let writer = try await PostgresConnection.open(cluster.uri, application: "month-end report")
        try await writer.query("BEGIN")
        let top = try await writer.query("SELECT pg_catalog.txid_current()").scalar
        try await writer.query("SAVEPOINT s")
        try await writer.query("INSERT INTO public.t VALUES (1)")
        try await cluster.psql("BEGIN; INSERT INTO t VALUES (2); PREPARE TRANSACTION 'left over';")
        let pid = try #require(try await writer.query("SELECT pg_catalog.pg_backend_pid()").scalar)

        for (role, summary) in [
            ("postgres", "pid \(pid) (month-end report, role postgres, idle in transaction) for "),
            ("plain", "pid \(pid) (month-end report, role postgres)"),
        ] {
            let source = try cluster.source(uri: server.uri(user: role, database: cluster.database))
            let running = try await source.runningTransactions()
            #expect(running.count == 2, "\(running)")
            let open = try #require(running.first { $0.summary.hasPrefix("pid") })
            #expect(open.summary.hasPrefix(summary) && String(open.xid) == top, "\(open)")
            let prepared = try #require(running.first { $0.summary.hasPrefix("prepared") })
            #expect(prepared.summary.hasPrefix("prepared transaction 'left over' (role postgres) for "), "\(prepared)")
            await source.close()
        }
        await writer.close()
        try await server.remove()
    }
}
