import BSON
import DevServers
import Foundation
import Glibc
import Model
import Postgres
import TestSupport
import Testing

/// `wherry snapshot --join`: several programs make one copy, and any of them may die or freeze.
@Suite(.onServers) struct JoinTests {
    private static let small = 24
    private static let rowsOfSmall = 250
    private static let pages = 8300

    @Test(arguments: [false, true]) func joinersTakeTheirPart(withoutSlot: Bool) async throws {
        try await withSlowFixture("join") { fixture, slow in
            if !withoutSlot { try await makeManyPages(fixture) }
            let flags = ["--json"] + (withoutSlot ? ["--no-slot"] : [])
            // One is there before the copy begins, one comes later.
            let early = try fixture.startSnapshot(["--join"] + flags, limits: small)
            try await early.waitForLine("it waits") { $0["waiting"]?.contains("for the copy to begin") ?? false }
            let leader = try fixture.startSnapshot(flags, limits: small)
            try await rows(of: leader)
            let late = try fixture.startSnapshot(["--join"] + flags, limits: small)
            try await claimed(by: early, fixture)
            try await claimed(by: late, fixture)
            try await fixture.changeRows()
            try await slow.release()
            for process in [leader, early, late] {
                try await process.end(within: .seconds(120))
                #expect(process.child.exitStatus?.code == 0, "\(process.tail)")
            }
            let whole = try fixture.report(of: leader)
            #expect(whole["outcome"] as? String == "copied")
            // Everybody's rows, as they were in the snapshot.
            #expect(whole["rows"] as? Int == 3000 + Self.small * Self.rowsOfSmall + (withoutSlot ? 0 : Self.pages))
            for joiner in [early, late] {
                let part = try fixture.report(of: joiner)
                #expect(part["outcome"] as? String == "joined" && part["next_command"] == nil && part["slot"] == nil)
                #expect(part["rows"] as? Int ?? 0 > 0)
            }
            #expect(try await ranges(fixture).isEmpty)
            if withoutSlot { #expect(try await fixture.state() == nil) } else { try await expectEqual(fixture) }
        }
    }

    /// A joiner is killed: its range is the leader's once its lease is over.
    @Test func aDeadJoinersRangesReturn() async throws {
        try await withSlowFixture("joinkill") { fixture, slow in
            let leader = try fixture.startSnapshot(["--json"], limits: small)
            try await rows(of: leader)
            let joiner = try fixture.startSnapshot(["--join"], limits: small)
            try await claimed(by: joiner, fixture)
            try await joiner.kill()
            try await slow.release()
            try await fixture.waitUntil("only the dead joiner's ranges are open", leader) {
                let open = try await ranges(fixture, ["state": ["$ne": "done"]])
                return !open.isEmpty && open.allSatisfy { $0["by"]?.asDocument?["pid"]?.asInt == joiner.pid }
            }
            try await fixture.changeRows()
            try await expireLeases(of: joiner, fixture)
            try await leader.end(within: .seconds(120))
            #expect(leader.child.exitStatus?.code == 0, "\(leader.tail)")
            try await expectEqual(fixture)
        }
    }

    /// A joiner is frozen in the middle of a range, and wakes when the stream has gone on from the copy: what it holds
    /// is older than the documents by then.
    @Test func aJoinerThatWakesAfterTheEndWritesNothing() async throws {
        try await withSlowFixture("joinstop") { fixture, slow in
            let leader = try fixture.startSnapshot(["--json"], limits: small)
            try await rows(of: leader)
            let joiner = try fixture.startSnapshot(["--join"], limits: small)
            try await fixture.waitUntil("the joiner has written a part", joiner) {
                try await ranges(fixture, ["by.pid": .int64(Int64(joiner.pid)), "rows": ["$gt": 0]]).count > 0
            }
            joiner.child.signal(SIGSTOP)
            try await slow.release()
            try await expireLeases(of: joiner, fixture)
            try await leader.end(within: .seconds(120))
            #expect(leader.child.exitStatus?.code == 0, "\(leader.tail)")
            // Every row is another, or gone.
            for table in ["items"] + (0..<Self.small).map({ "small_\($0)" }) {
                let column = table == "items" ? "name" : "body"
                try await fixture.sql(
                    """
                    DELETE FROM public.\(table) WHERE id % 2 = 0;
                    UPDATE public.\(table) SET \(column) = 'new';
                    """)
            }
            try await fixture.catchUp()
            joiner.child.signal(SIGCONT)
            try await joiner.end(within: .seconds(60))
            #expect(joiner.child.exitStatus?.code == 0, "\(joiner.tail)")
            #expect(try await fixture.compare() == [])
        }
    }

    /// The leader is killed: its joiner stops when it isn't heard of any more, and the next one begins again.
    @Test func aDeadLeadersJoinerStops() async throws {
        try await withSlowFixture("leadkill") { fixture, slow in
            let leader = try fixture.startSnapshot([], limits: small)
            try await rows(of: leader)
            let joiner = try fixture.startSnapshot(["--join"], limits: small)
            try await isAtWork(joiner, fixture)
            try await leader.kill()
            try await update(
                "copies", ["_id": .string(fixture.name)], ["leader_until": .date(0)], fixture)
            try await joiner.end(within: .seconds(60))
            try await fixture.refusal(of: joiner, 75, "not heard of any more")
            try await slow.release()
            #expect(try await fixture.compare() != [])
            let next = try await fixture.snapshot([])
            #expect(next.child.exitStatus?.code == 0, "\(next.tail)")
            try await expectEqual(fixture)
        }
    }

    /// The next leader is there before the joiner has noticed: nothing of the old snapshot is written any more.
    @Test func theNextLeaderEndsTheJoiner() async throws {
        try await withSlowFixture("leadnext") { fixture, slow in
            let leader = try fixture.startSnapshot([], limits: small)
            try await rows(of: leader)
            let joiner = try fixture.startSnapshot(["--join"], limits: small)
            try await isAtWork(joiner, fixture)
            try await leader.kill()
            try await fixture.changeRows()
            let next = try fixture.startSnapshot([], limits: small)
            try await joiner.end(within: .seconds(60))
            try await fixture.refusal(of: joiner, 75, "ended before it was whole")
            try await slow.release()
            try await next.end(within: .seconds(120))
            #expect(next.child.exitStatus?.code == 0, "\(next.tail)")
            try await expectEqual(fixture)
        }
    }

    /// PostgreSQL is shut down: the leader goes on beside the stream, and its joiner has nothing more to do.
    @Test func aFastShutdownEndsTheJoinerAndNotTheLeader() async throws {
        try await withSlowFixture("joindown", postgres: [:]) { fixture, slow in
            let leader = try fixture.startSnapshot(["--json"], limits: small)
            try await rows(of: leader)
            let joiner = try fixture.startSnapshot(["--join"], limits: small)
            try await claimed(by: joiner, fixture)
            try await fixture.changeRows()
            try await fixture.postgres.restart(.fast)
            await fixture.reconnect()
            try await slow.release()
            try await joiner.end(within: .seconds(60))
            #expect([69, 75].contains(joiner.child.exitStatus?.code ?? 0), "\(joiner.tail)")
            try await leader.end(within: .seconds(120))
            #expect(leader.child.exitStatus?.code == 0, "\(leader.tail)")
            #expect(try fixture.report(of: leader)["finished_live"] as? Bool == true)
            try await expectEqual(fixture)
        }
    }

    /// A table that was altered since the copy began would become other documents.
    @Test func whoWouldMakeOtherDocumentsIsRefused() async throws {
        try await withSlowFixture("joinother") { fixture, slow in
            let leader = try fixture.startSnapshot([], limits: small)
            try await rows(of: leader)
            // One that the leader has not come to.
            let waiting = try #require(try await ranges(fixture, ["state": "waiting"]).last)
            let name = try #require(waiting["table"]?.asDocument?["table"]?.asString)
            try await fixture.sql("ALTER TABLE public.\(name) ADD COLUMN more integer")
            let joiner = try await fixture.snapshot(["--join"])
            try await fixture.refusal(of: joiner, 78, "other documents from here: table public.\(name)")
            let oneOff = try await fixture.snapshot(["--join", "--no-slot"])
            try await fixture.refusal(of: oneOff, 78, "exists, and has a slot")
            try await slow.release()
            try await leader.end(within: .seconds(120))
            let late = try await fixture.snapshot(["--join", "--json"])
            #expect(try fixture.report(of: late)["outcome"] as? String == "already_whole")
        }
    }

    // MARK: - Parts

    private var small: BatchSizes { BatchSizes(operations: 100) }

    /// A fixture with many tables whose inserts are slow.
    private func withSlowFixture(
        _ name: String, postgres: [String: String]? = nil,
        _ body: (PipelineFixture, FailPoint) async throws -> Void
    ) async throws {
        try await PipelineFixture.withOwnServers(name, postgres: postgres) { fixture in
            try await Workload.createTables(fixture, rows: 3000)
            for number in 0..<Self.small {
                try await fixture.sql(
                    """
                    CREATE TABLE public.small_\(number) (id integer PRIMARY KEY, body text);
                    INSERT INTO public.small_\(number)
                    SELECT g, md5(g::text) FROM generate_series(1, \(Self.rowsOfSmall)) g;
                    """)
            }
            let slow = try await FailPoint.hold(
                ["insert"], of: fixture.applicationName, for: .seconds(1), using: fixture.inspector)
            try await body(fixture, slow)
        }
    }

    /// One row a page: a table of two ranges (of 8192 pages).
    private func makeManyPages(_ fixture: PipelineFixture) async throws {
        try await fixture.sql(
            """
            CREATE TABLE public.pages (id integer PRIMARY KEY, body text) WITH (fillfactor = 10);
            ALTER TABLE public.pages ALTER COLUMN body SET STORAGE PLAIN;
            INSERT INTO public.pages SELECT g, repeat('x', 500) FROM generate_series(1, \(Self.pages)) g;
            ANALYZE public.pages;
            """)
    }

    private func rows(of process: WherryProcess) async throws {
        try await process.waitForLine("some rows are copied") { $0.int("rows_copied") ?? 0 > 200 }
    }

    private func claimed(by process: WherryProcess, _ fixture: PipelineFixture) async throws {
        try await fixture.waitUntil("it has a range", process) {
            try await !ranges(fixture, ["by.pid": .int64(Int64(process.pid))]).isEmpty
        }
    }

    /// Both of its workers have written: they have imported the snapshot.
    private func isAtWork(_ process: WherryProcess, _ fixture: PipelineFixture) async throws {
        try await fixture.waitUntil("both of its workers write", process) {
            let begun = try await ranges(fixture, ["by.pid": .int64(Int64(process.pid)), "rows": ["$gt": 0]])
            return Set(begun.compactMap { $0["by"]?.asDocument?["session"] }).count == 2
        }
    }

    private func ranges(_ fixture: PipelineFixture, _ filter: BSONDocument = [:]) async throws -> [BSONDocument] {
        try await fixture.inspector.documents("copy_ranges", filter: filter, on: fixture.stateDatabase)
    }

    /// What the leader does when a lease is over, after a minute: it ends the transaction that may be open, too.
    private func expireLeases(of process: WherryProcess, _ fixture: PipelineFixture) async throws {
        let held = try await ranges(fixture, ["by.pid": .int64(Int64(process.pid)), "state": "claimed"])
        let sessions = held.compactMap { $0["by"]?.asDocument?["session"] }.map { BSONValue.document(["id": $0]) }
        try await fixture.inspector.command(["killSessions": .array(sessions)], on: "admin")
        try await update(
            "copy_ranges", ["by.pid": .int64(Int64(process.pid)), "state": "claimed"], ["lease_until": .date(0)],
            fixture)
    }

    private func update(
        _ collection: String, _ filter: BSONDocument, _ fields: BSONValue, _ fixture: PipelineFixture
    ) async throws {
        try await fixture.inspector.command(
            [
                "update": .string(collection),
                "updates": [["q": .document(filter), "u": ["$set": fields], "multi": true]],
                "writeConcern": ["w": "majority"],
            ], on: fixture.stateDatabase)
    }

    private func expectEqual(_ fixture: PipelineFixture) async throws {
        try await fixture.catchUp()
        #expect(try await fixture.compare() == [])
    }
}

extension WherryProcess {
    fileprivate var pid: Int { Int(child.pid) }
}
