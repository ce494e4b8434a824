import BSON
import DevServers
import TestSupport
import Testing

/// Kill -9 in the initial copy, and what the next attempt makes of it.
@Suite(.onServers) struct InterruptedCopyTests {
    private let exported = BatchSizes(operations: 250, backfill: "exported")

    @Test func startsAgainAndIsEqual() async throws {
        try await PipelineFixture.withOwnServers("copykill") { fixture in
            try await Workload.createTables(fixture, rows: 4000)
            for attempt in 1...2 {
                try await killInCopy(fixture)
                #expect(try await fixture.inspector.count("items") > 0)
                try await changeRows(fixture, attempt)
            }
            try await fixture.catchUp(limits: exported)
            #expect(try await fixture.compare() == [])
        }
    }

    /// The slot's exported snapshot goes with the session that holds it.
    @Test(arguments: [PostgresServer.StopMode.fast, .immediate])
    func aStopOfTheSourceGoesOnBesideTheStream(_ mode: PostgresServer.StopMode) async throws {
        try await PipelineFixture.withOwnServers("copystop", postgres: [:]) { fixture in
            // More than lies between the servers when one of them stops.
            try await Workload.createTables(fixture, rows: 20_000)
            let wherry = try await interruptCopy(fixture) { _ in try await fixture.postgres.stop(mode) }
            try await fixture.postgres.start()
            // The connection of before is found lost by a statement that may fail.
            _ = try? await fixture.sql("SELECT 1")
            try await changeRows(fixture, 3)
            try await fixture.waitUntilCaughtUp(wherry)
            #expect(wherry.log.contains("the copy's snapshot is gone"))
            #expect(!wherry.log.contains("an earlier initial copy was interrupted"))
            #expect(try await fixture.compare() == [])
            #expect(try await wherry.terminate().code == 0)
        }
    }

    @Test func keepsForeignDocumentsOfAnAdoptedCollection() async throws {
        try await PipelineFixture.withOwnServers("adopt") { fixture in
            try await Workload.createTables(fixture, rows: 4000)
            let foreign: [BSONDocument] = [
                ["_id": "theirs", "kept": true], ["_id": .int64(-7), "kept": true],
            ]
            // One of a row's key, which is overwritten.
            try await fixture.inspector.insert(foreign + [["_id": .int64(17), "stale": true]], into: "items")
            let refused = try await fixture.runToEnd(["--until-caught-up"])
            #expect(refused.child.exitStatus?.code == 78, "\(refused.tail)")
            try await killInCopy(fixture, ["--adopt"])
            try await changeRows(fixture, 1)
            try await fixture.catchUp(limits: exported, arguments: ["--adopt"])
            for document in foreign {
                #expect(try await fixture.inspector.document("items", document["_id"] ?? .null) == document)
            }
            try await fixture.inspector.command(
                ["delete": "items", "deletes": [["q": ["kept": true], "limit": 0]], "writeConcern": ["w": "majority"]])
            #expect(try await fixture.compare() == [])
        }
    }

    private func killInCopy(_ fixture: PipelineFixture, _ arguments: [String] = []) async throws {
        let wherry = try await interruptCopy(fixture, arguments) { try await $0.kill() }
        #expect(wherry.latest("phase")?["phase"] == "copying")
    }

    /// Starts a run, and does something to it when some rows are there, and some are not.
    private func interruptCopy(
        _ fixture: PipelineFixture, _ arguments: [String] = [], by interruption: (WherryProcess) async throws -> Void
    ) async throws -> WherryProcess {
        // An insert, or the update that stands for one in an adopted collection.
        let slow = try await FailPoint.hold(
            ["insert", "update"], of: fixture.applicationName, for: .seconds(1), using: fixture.inspector)
        let wherry = try fixture.wherry(arguments, limits: exported)
        try await wherry.waitForLine("some rows are copied") {
            $0["phase"] == "copying" && $0.int("rows_copied") ?? 0 > 500
        }
        try await interruption(wherry)
        try await slow.release()
        return wherry
    }

    private func changeRows(_ fixture: PipelineFixture, _ attempt: Int) async throws {
        try await fixture.sql(
            """
            UPDATE public.items SET name = 'changed', version = nextval('public.versions') WHERE id % 3 = 0;
            DELETE FROM public.items WHERE id % 7 = \(attempt);
            INSERT INTO public.items (id, version) SELECT \(attempt)0000 + g, nextval('public.versions')
            FROM generate_series(1, 20) g;
            """)
    }
}
