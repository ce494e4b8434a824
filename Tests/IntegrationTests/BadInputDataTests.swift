import BSON
import Postgres
import DevServers
import Model
import TestSupport
import Testing

/// Rows and documents that don't fit.
@Suite(.onServers) struct BadInputDataTests {
    private let exported = BatchSizes(backfill: "exported")

    /// 17 MiB from short pieces, so that no single value is too large for PostgreSQL's protocol.
    private static let large = "repeat(md5('a'), 557056)"

    /// What stands for the row with the key 7.
    private static let seventh = "(key digest 7902699be42c8a8e)"

    @Test func aDocumentTooLargeInTheCopy() async throws {
        let fixture = try await PipelineFixture("largecopy")
        try await fixture.makeItems()
        try await fixture.sql("UPDATE public.items SET note = \(Self.large) WHERE id = 7")
        let refusal = try await fixture.refused(
            65, "public.items", "16 MiB", "items", Self.seventh, limits: exported)
        #expect(!refusal.text.contains("0cc175b9"))
        #expect(try await fixture.checkpoint() == nil)
        // Until somebody has mended the row, no slot holds WAL for nothing.
        let slots = try await fixture.sql(
            "SELECT count(*) FROM pg_replication_slots WHERE slot_name = $1", ["wherry_\(fixture.name)"])
        #expect(slots.rows == [["0"]])
        try await fixture.sql("UPDATE public.items SET note = 'short' WHERE id = 7")
        try await fixture.expectEqual()
    }

    @Test func aDocumentTooLargeInTheStream() async throws {
        let fixture = try await PipelineFixture("largestream")
        try await fixture.makeItems()
        let wherry = try fixture.wherry()
        try await fixture.waitUntilCaughtUp(wherry, within: .seconds(120))
        try await fixture.sql("UPDATE public.items SET note = \(Self.large) WHERE id = 7")
        let mark = try await fixture.mark()
        let refusal = try await fixture.refusal(of: wherry, 65, "public.items", "16 MiB", "items", Self.seventh)
        #expect(!refusal.text.contains("0cc175b9"))
        // The row as it is now comes too late: what the log holds is sent again, and nothing else moves.
        try await fixture.sql("UPDATE public.items SET note = 'short' WHERE id = 7")
        let again = try await fixture.refused(65, "public.items")
        #expect(again.hint.contains("wherry drop"))
        try await fixture.expectNotPast(mark)
        try await fixture.drop()
        try await fixture.expectEqual()
    }

    /// What PostgreSQL takes as json and MongoDB as nothing: a NUL in a name, half of a surrogate pair.
    @Test(arguments: [#"{"secret\u0000": 1}"#, #"["secret \ud800"]"#]) func textThatIsNone(_ json: String) async throws
    {
        let fixture = try await PipelineFixture("nojson")
        try await fixture.makeItems()
        try await fixture.sql("CREATE TABLE public.docs (id integer PRIMARY KEY, body json)")
        try await fixture.sql("INSERT INTO public.docs VALUES (1, '{}'), (2, $1)", [json])
        let copy = try await fixture.refused(65, "column body (json) of table public.docs", limits: exported)
        #expect(!copy.text.contains("secret"))
        #expect(try await fixture.checkpoint() == nil)
        try await fixture.sql("DELETE FROM public.docs WHERE id = 2")
        try await fixture.catchUp()
        try await fixture.sql("UPDATE public.docs SET body = $1", [json])
        let mark = try await fixture.mark()
        let stream = try await fixture.refused(65, "column body (json) of table public.docs")
        #expect(!stream.text.contains("secret") && stream.hint.contains("wherry drop"))
        try await fixture.expectNotPast(mark)
        try await fixture.sql("DELETE FROM public.docs")
        try await fixture.drop()
        try await fixture.expectEqual()
    }

    @Test func aTargetThatIsNotEmpty() async throws {
        let fixture = try await PipelineFixture("occupied")
        try await fixture.makeItems()
        let theirs: [BSONDocument] = [["_id": 3, "old": true], ["_id": "x", "kept": true]]
        try await fixture.inspector.insert(theirs, into: "items")
        let refusal = try await fixture.refused(78, "already holds documents in: items")
        #expect(refusal.hint.contains("--adopt"))
        #expect(try await fixture.inspector.documents("items") == theirs)
        #expect(try await fixture.state() == nil)
        let run = try await fixture.runToEnd(["--until-caught-up", "--adopt"], within: .seconds(120))
        #expect(run.child.exitStatus?.code == 0, "\(run.tail)")
        #expect(try await fixture.inspector.document("items", "x") == theirs[1])
        try await remove("x", fixture)
        try await fixture.expectEqual()
    }

    /// A validator of the target's owner, met in the stream and in the copy.
    @Test func aValidatorThatRefuses() async throws {
        let fixture = try await PipelineFixture("validator")
        try await fixture.makeItems()
        try await fixture.catchUp()
        let rule: BSONDocument = ["name": ["$ne": "forbidden fruit"]]
        try await setValidator(rule, fixture)
        try await fixture.sql("UPDATE public.items SET name = 'forbidden fruit' WHERE id = 7")
        let mark = try await fixture.mark()
        let refusal = try await fixture.refused(65, "items", "validat", Self.seventh)
        #expect(!refusal.text.contains("forbidden fruit"))
        try await fixture.expectNotPast(mark)
        try await setValidator([:], fixture)
        try await fixture.expectEqual()

        try await fixture.drop()
        try await setValidator(rule, fixture)
        let copy = try await fixture.refused(65, "items", "validat", Self.seventh)
        #expect(!copy.text.contains("forbidden fruit"))
        try await setValidator([:], fixture)
        try await fixture.expectEqual()
    }

    @Test func aUniqueIndexThatRefusesTheCopy() async throws {
        let fixture = try await PipelineFixture("unique")
        try await fixture.makeItems()
        try await fixture.inspector.command(["create": "items"])
        try await fixture.inspector.createUniqueIndex("items", on: "name")
        try await fixture.sql("UPDATE public.items SET name = 'doubled secret' WHERE id IN (2, 3)")
        let refusal = try await fixture.refused(
            65, "(name)", "items", "(key digest 4e07408562bedb8b)", limits: exported)
        #expect(!refusal.text.contains("doubled secret"))
        #expect(try await fixture.checkpoint() == nil)
        try await fixture.sql("UPDATE public.items SET name = 'single' WHERE id = 2")
        try await fixture.expectEqual()
    }

    /// Somebody deletes a document, and then the stream changes part of it: there is nothing to complete it from.
    @Test func aDocumentSomebodyDeleted() async throws {
        let fixture = try await PipelineFixture("deleted")
        try await fixture.makeItems()
        try await fixture.sql("UPDATE public.items SET note = repeat(md5('b'), 500)")
        try await fixture.catchUp()
        let kept = try await fixture.inspector.document("items", 5)
        try await remove(5, fixture)
        try await fixture.sql("UPDATE public.items SET name = 'part' WHERE id = 5")
        let mark = try await fixture.mark()
        let refusal = try await fixture.refused(65, "missing", "items")
        #expect(refusal.hint.contains("restore"))
        try await fixture.expectNotPast(mark)
        try await fixture.inspector.insert([try #require(kept)], into: "items")
        try await fixture.expectEqual()
    }

    @Test func twoWorkersAtOnce() async throws {
        let fixture = try await PipelineFixture("two")
        try await fixture.makeItems()
        let wherry = try fixture.wherry()
        try await fixture.waitUntilCaughtUp(wherry, within: .seconds(120))
        let refusal = try await fixture.refused(75, "is worked on already", fixture.name)
        #expect(refusal.hint.contains("pg_terminate_backend"))
        try await fixture.sql("UPDATE public.items SET name = 'on'")
        try await fixture.waitUntilCaughtUp(wherry, within: .seconds(120))
        #expect(try await fixture.compare() == [])
        #expect(try await wherry.terminate(within: .seconds(60)).code == 0)
    }

    /// The target refuses to write for reasons of its own: a disk that is full, a quota.
    @Test func aTargetThatCannotWrite() async throws {
        try await PipelineFixture.withOwnServers("diskfull") { fixture in
            try await fixture.makeItems()
            try await fixture.catchUp()
            try await fixture.sql("UPDATE public.items SET name = 'later'")
            let mark = try await fixture.mark()
            // OutOfDiskSpace.
            let full = try await FailPoint.fail(
                ["update"], of: fixture.applicationName, code: 14031, using: fixture.inspector)
            let wherry = try fixture.wherry()
            try await waitUntil("it has noticed", within: .seconds(120)) {
                !wherry.isRunning || wherry.log.contains("OutOfDiskSpace")
            }
            try await fixture.expectNotPast(mark)
            try await full.release()
            try await fixture.waitUntilCaughtUp(wherry, within: .seconds(120))
            #expect(try await wherry.terminate(within: .seconds(60)).code == 0)
            #expect(try await fixture.compare() == [])
        }
    }

    /// A transaction of more than a minute, or larger than the cache: a smaller batch is tried.
    @Test(arguments: [290, 388]) func aTransactionThatIsTooLarge(code: Int32) async throws {
        try await PipelineFixture.withOwnServers("toolarge") { fixture in
            try await fixture.makeItems()
            try await fixture.catchUp()
            let wherry = try fixture.wherry()
            try await fixture.waitUntilCaughtUp(wherry)
            try await FailPoint.fail(
                ["update"], of: fixture.applicationName, code: code, times: 1, using: fixture.inspector)
            try await fixture.sql("UPDATE public.items SET name = 'later'")
            try await fixture.waitUntilCaughtUp(wherry)
            #expect(wherry.log.contains("a transaction that took too long"))
            #expect(try await wherry.terminate().code == 0)
            #expect(try await fixture.compare() == [])
        }
    }

    // MARK: -

    private func remove(_ id: BSONValue, _ fixture: PipelineFixture) async throws {
        try await fixture.inspector.command(
            [
                "delete": "items", "deletes": [["q": .document(["_id": id]), "limit": 1]],
                "writeConcern": ["w": "majority"],
            ])
    }

    private func setValidator(_ rule: BSONDocument, _ fixture: PipelineFixture) async throws {
        try await fixture.inspector.command(["collMod": "items", "validator": .document(rule)])
    }
}
