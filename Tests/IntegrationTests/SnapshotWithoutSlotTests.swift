import BSON
import DevServers
import Foundation
import Postgres
import TestSupport
import Testing

/// `wherry snapshot --no-slot`: a copy that leaves nothing but documents, and that is never taken for whole before it is.
@Suite(.onServers) struct SnapshotWithoutSlotTests {
    private func expectNothingLeft(_ fixture: PipelineFixture, location: SourceLocation = #_sourceLocation) async throws
    {
        #expect(try await fixture.slots() == "0", sourceLocation: location)
        let publications = try await fixture.sql("SELECT count(*) FROM pg_publication").scalar
        #expect(publications == "0", sourceLocation: location)
        for collection in ["pipelines", "tables", "copied_keys"] {
            let left = try await fixture.inspector.documents(collection, on: fixture.stateDatabase)
            #expect(left.isEmpty, "\(collection)", sourceLocation: location)
        }
    }

    /// It is consistent although rows change meanwhile: pairs of rows that change together are equal.
    @Test func copiesAndLeavesNothing() async throws {
        let fixture = try await PipelineFixture("once")
        try await Workload.createTables(fixture, rows: 2000)
        try await fixture.sql(
            """
            CREATE TABLE public.one (id integer PRIMARY KEY, n integer); INSERT INTO public.one VALUES (1, 0);
            CREATE TABLE public.two (id integer PRIMARY KEY, n integer); INSERT INTO public.two VALUES (1, 0);
            """)
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask {
                while !Task.isCancelled {
                    try await fixture.sql("UPDATE public.one SET n = n + 1; UPDATE public.two SET n = n + 1")
                }
            }
            let copy = try await fixture.snapshot(["--no-slot", "--json"])
            #expect(copy.child.exitStatus?.code == 0, "\(copy.tail)")
            let report = try fixture.report(of: copy)
            #expect(report["outcome"] as? String == "copied" && report["rows"] as? Int == 2002)
            for key in ["slot", "next_command", "consistent_lsn"] { #expect(report[key] == nil) }
            group.cancelAll()
            while let result = await group.nextResult() { _ = result }
        }
        let numbers = try await ["one", "two"].asyncMap { try await fixture.inspector.document($0, 1)?["n"] }
        #expect(numbers[0] == numbers[1] && numbers[0] != nil)
        #expect(try await fixture.compare(excluding: ["one", "two"]) == [])
        try await expectNothingLeft(fixture)
    }

    /// A right to read the tables is all it needs of the source.
    @Test func needsNoReplication() async throws {
        let fixture = try await PipelineFixture("onceread")
        try await fixture.makeItems()
        let role = fixture.name
        try await fixture.sql(
            "CREATE ROLE \(role) LOGIN; GRANT USAGE ON SCHEMA public TO \(role); "
                + "GRANT SELECT ON public.items TO \(role)")
        let uri = fixture.postgres.uri(user: role, database: fixture.name)
        let copy = try await fixture.snapshot(["--no-slot", "--source", uri])
        #expect(copy.child.exitStatus?.code == 0, "\(copy.tail)")
        #expect(try await fixture.compare() == [])
        try await expectNothingLeft(fixture)
        let again = try await fixture.snapshot(["--no-slot", "--source", uri])
        try await fixture.refusal(of: again, 78, "already holds documents", "items")
    }

    /// Neither does the server need to be set up for it.
    @Test func aServerWithoutReplication() async throws {
        let settings = ["wal_level": "minimal", "max_wal_senders": "0"]
        try await PipelineFixture.withOwnServers("onceminimal", postgres: settings) { fixture in
            try await fixture.makeItems()
            let seed = try await fixture.snapshot([])
            try await fixture.refusal(of: seed, 78, "wal_level is minimal")
            let copy = try await fixture.snapshot(["--no-slot"])
            #expect(copy.child.exitStatus?.code == 0, "\(copy.tail)")
            #expect(try await fixture.compare() == [])
            try await expectNothingLeft(fixture)
        }
    }

    /// What a crash leaves is marked: nothing but the same command, or its removal, gets past it.
    @Test func aKilledCopyIsMarkedAndBeginsAgain() async throws {
        try await PipelineFixture.withOwnServers("oncekill") { fixture in
            try await Workload.createTables(fixture, rows: 4000)
            try await fixture.killSnapshot(["--no-slot"])
            #expect(try await fixture.state()?["stage"]?.asString == "copying_once")
            try await fixture.changeRows()

            try await fixture.refused(78, "copy without a slot", "not whole")
            let seed = try await fixture.snapshot([])
            try await fixture.refusal(of: seed, 78, "copy without a slot", "not whole")
            let other = try await fixture.snapshot(["--pipeline", "other", "--adopt"])
            try await fixture.refusal(of: other, 78, "belongs to the copy \(fixture.name)")
            let status = try fixture.command(["status"] + fixture.connectionWords)
            try await status.end()
            #expect(status.output.contains("copying_once") && status.output.contains("no copy"), "\(status.tail)")

            let copy = try await fixture.snapshot(["--no-slot"])
            #expect(copy.child.exitStatus?.code == 0, "\(copy.tail)")
            #expect(try await fixture.compare() == [])
            try await expectNothingLeft(fixture)
        }
    }

    /// Rows that are gone before the second try leave no document, and the collection's own stay.
    @Test func aKilledCopyIntoAnAdoptedCollection() async throws {
        try await PipelineFixture.withOwnServers("onceadopt") { fixture in
            try await Workload.createTables(fixture, rows: 4000)
            try await fixture.inspector.insert([["_id": "theirs", "kept": true]], into: "items")
            try await fixture.killSnapshot(["--no-slot", "--adopt"])
            try await fixture.changeRows()
            let copy = try await fixture.snapshot(["--no-slot", "--adopt"])
            #expect(copy.child.exitStatus?.code == 0, "\(copy.tail)")
            #expect(try await fixture.inspector.document("items", "theirs") != nil)
            try await fixture.inspector.command(
                ["delete": "items", "deletes": [["q": ["kept": true], "limit": 0]], "writeConcern": ["w": "majority"]])
            #expect(try await fixture.compare() == [])
            try await expectNothingLeft(fixture)
        }
    }

    @Test func aKilledCopyCanBeRemoved() async throws {
        try await PipelineFixture.withOwnServers("oncedrop") { fixture in
            try await Workload.createTables(fixture, rows: 4000)
            try await fixture.killSnapshot(["--no-slot"])
            try await fixture.drop()
            // A count would hold what the killed writers had not committed.
            #expect(try await fixture.inspector.documents("items").isEmpty)
            try await expectNothingLeft(fixture)
        }
    }

    /// The snapshot goes with its session: the copy begins again by itself.
    @Test func theExportingSessionEnds() async throws {
        try await PipelineFixture.withOwnServers("onceend") { fixture in
            try await Workload.createTables(fixture, rows: 4000)
            let slow = try await FailPoint.hold(
                ["insert"], of: fixture.applicationName, for: .seconds(1), using: fixture.inspector)
            let copy = try fixture.startSnapshot(["--no-slot", "--workers", "1"], limits: BatchSizes(operations: 250))
            try await copy.waitForLine("some rows are copied") { $0.int("rows_copied") ?? 0 > 500 }
            try await fixture.sql(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                    + "WHERE datname = current_database() AND application_name LIKE '\(fixture.applicationName)%'")
            try await slow.release()
            #expect(try await copy.end(within: .seconds(120)).code == 0, "\(copy.tail)")
            #expect(try await fixture.compare() == [])
            try await expectNothingLeft(fixture)
        }
    }

    @Test func aPipelinesCollectionIsRefused() async throws {
        let fixture = try await PipelineFixture("oncetaken")
        try await fixture.makeItems()
        try await fixture.catchUp()
        let same = try await fixture.snapshot(["--no-slot", "--adopt"])
        try await fixture.refusal(of: same, 78, "pipeline \(fixture.name) exists")
        let other = try await fixture.snapshot(["--no-slot", "--adopt", "--pipeline", "beside"])
        try await fixture.refusal(of: other, 78, "collection items belongs to pipeline \(fixture.name)")
        // Beside it is fine.
        try await fixture.sql("CREATE TABLE public.more (id integer PRIMARY KEY); INSERT INTO public.more VALUES (1)")
        let beside = try await fixture.snapshot(["--no-slot", "--pipeline", "beside", "--tables", "public.more"])
        #expect(beside.child.exitStatus?.code == 0, "\(beside.tail)")
        try await fixture.expectEqual()
    }
}

extension Array {
    fileprivate func asyncMap<Result>(_ transform: (Element) async throws -> Result) async rethrows -> [Result] {
        var results: [Result] = []
        for element in self { results.append(try await transform(element)) }
        return results
    }
}
