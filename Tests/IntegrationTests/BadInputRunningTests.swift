import BSON
import DevServers
import Foundation
import Model
import Postgres
import TestSupport
import Testing

/// What people do to the source while the pipeline runs.
@Suite(.onServers) struct BadInputRunningTests {
    @Test func thePublicationIsDropped() async throws {
        let fixture = try await running("pubdrop")
        let name = "wherry_\(fixture.name)"
        let wherry = try fixture.wherry()
        try await fixture.waitUntilCaughtUp(wherry, within: .seconds(120))
        let before = try await fixture.checkpoint() ?? .zero
        try await fixture.sql("DROP PUBLICATION \(name)")
        try await fixture.sql("UPDATE public.items SET name = 'unpublished'")
        let refusal = try await fixture.refusal(of: wherry, 76, "publication \(name)")
        #expect(refusal.hint.contains("wherry drop"))
        #expect(try await fixture.checkpoint() ?? .zero >= before)
        // Made again, it does not reach back: the server looks at the catalogue as it was then.
        try await fixture.sql("CREATE PUBLICATION \(name) FOR TABLE public.items, public.more")
        try await fixture.refused(76, "publication \(name)")
        try await fixture.drop()
        try await fixture.expectEqual()
    }

    /// The slot says nothing of its changes: that must not pass in silence, while it runs or at the next start.
    @Test func aTableIsTakenOutOfThePublication() async throws {
        let fixture = try await running("tableout")
        let name = "wherry_\(fixture.name)"
        let wherry = try fixture.wherry()
        try await fixture.waitUntilCaughtUp(wherry, within: .seconds(120))
        try await fixture.sql("ALTER PUBLICATION \(name) DROP TABLE public.more")
        try await fixture.sql("UPDATE public.more SET id = id + 1000")
        let refusal = try await fixture.refusal(of: wherry, 76, "public.more", "publication \(name)")
        #expect(refusal.hint.contains("wherry drop"))
        try await fixture.refused(76, "public.more")
        try await fixture.drop()
        try await fixture.expectEqual()
    }

    @Test func aTableIsDropped() async throws {
        let fixture = try await running("tabledrop")
        let wherry = try fixture.wherry()
        try await fixture.waitUntilCaughtUp(wherry, within: .seconds(120))
        try await fixture.sql("UPDATE public.more SET id = id + 1000")
        try await fixture.sql("DROP TABLE public.more")
        try await fixture.sql("UPDATE public.items SET name = 'on'")
        try await fixture.waitUntilCaughtUp(wherry, within: .seconds(120))
        #expect(try await fixture.compare() == [])
        // Its documents stay: wherry drops no collection.
        #expect(try await fixture.inspector.count("more") == 3)
        #expect(try await wherry.terminate(within: .seconds(60)).code == 0)
        try await fixture.expectEqual()
    }

    @Test func aTableIsPublishedByHand() async throws {
        let fixture = try await running("tableadd")
        let name = "wherry_\(fixture.name)"
        try await fixture.sql("CREATE TABLE public.late (id integer PRIMARY KEY)")
        // With `follow` it would join.
        let file = try fixture.configuration("schema_changes: pause")
        let wherry = try fixture.wherry(file)
        try await fixture.waitUntilCaughtUp(wherry, within: .seconds(120))
        try await fixture.sql("ALTER PUBLICATION \(name) ADD TABLE public.late")
        try await fixture.sql("INSERT INTO public.late VALUES (1); UPDATE public.items SET name = 'beside'")
        let refusal = try await fixture.refusal(of: wherry, 78, "public.late")
        #expect(refusal.hint.contains("ALTER PUBLICATION"))
        try await fixture.refused(78, "public.late", arguments: file)
        try await fixture.sql("INSERT INTO public.late VALUES (2)")
        try await fixture.sql(try refusal.statement)
        try await fixture.expectEqual(excluding: ["late"], arguments: file)
        #expect(try await fixture.inspector.count("late") == 0)
    }

    /// Its changes stand in the log under the new name, also after it has been given back.
    @Test func aTableIsRenamedAndBack() async throws {
        let fixture = try await running("rename")
        let wherry = try fixture.wherry()
        try await fixture.waitUntilCaughtUp(wherry, within: .seconds(120))
        for (old, new) in [("items", "things"), ("things", "items")] {
            try await fixture.sql("ALTER TABLE public.\(old) RENAME TO \(new)")
            try await fixture.sql("UPDATE public.\(new) SET name = 'now \(new)'")
        }
        try await fixture.waitUntilCaughtUp(wherry, within: .seconds(120))
        #expect(try await wherry.terminate(within: .seconds(60)).code == 0)
        try await fixture.expectEqual()
    }

    /// An identity that names no rows makes the application's own updates fail; one that names the key in another way
    /// goes on.
    @Test func theReplicaIdentityIsChanged() async throws {
        let fixture = try await running("identity")
        try await fixture.sql("ALTER TABLE public.items ADD code integer; UPDATE public.items SET code = id")
        try await fixture.sql(
            "ALTER TABLE public.items ALTER code SET NOT NULL; CREATE UNIQUE INDEX codes ON public.items (code)")
        let wherry = try fixture.wherry()
        try await fixture.waitUntilCaughtUp(wherry, within: .seconds(120))
        try await fixture.sql("ALTER TABLE public.items REPLICA IDENTITY FULL")
        try await fixture.sql(
            "UPDATE public.items SET id = id + 100 WHERE id < 4; DELETE FROM public.items WHERE id = 5")
        try await fixture.waitUntilCaughtUp(wherry, within: .seconds(120))
        #expect(try await fixture.compare() == [])

        try await fixture.sql("ALTER TABLE public.items REPLICA IDENTITY USING INDEX codes")
        try await fixture.sql("UPDATE public.items SET code = code + 100 WHERE id = 6")
        let refusal = try await fixture.refusal(of: wherry, 78, "public.items", "replica identity")
        #expect(refusal.hint.contains("REPLICA IDENTITY"))
    }

    @Test func theKeysTypeIsChanged() async throws {
        let fixture = try await running("keytype")
        let wherry = try fixture.wherry()
        try await fixture.waitUntilCaughtUp(wherry, within: .seconds(120))
        // A wider number equals the old one for MongoDB, but the documents' keys keep their type.
        try await fixture.sql("ALTER TABLE public.items ALTER id TYPE bigint")
        try await fixture.sql(
            "UPDATE public.items SET name = 'wide' WHERE id = 1; DELETE FROM public.items WHERE id = 2")
        try await fixture.sql("UPDATE public.items SET id = 300 WHERE id = 3")
        try await fixture.waitUntilCaughtUp(wherry, within: .seconds(120))
        #expect(try await fixture.inspector.count("items") == 9)
        #expect(try await fixture.inspector.document("items", 1)?["name"] == .string("wide"))
        #expect(try await fixture.inspector.document("items", 3) == nil)
        // A text does not: the old documents would never be found again.
        try await fixture.sql("ALTER TABLE public.items ALTER id TYPE text")
        try await fixture.sql("UPDATE public.items SET name = 'text' WHERE id = '1'")
        let refusal = try await fixture.refusal(of: wherry, 78, "public.items", "key")
        #expect(refusal.hint.contains("wherry drop"))
        try await fixture.drop()
        try await fixture.expectEqual()
    }

    /// A position in the future is waited for.
    @Test func untilAPositionThatIsToCome() async throws {
        let fixture = try await running("future")
        let end = try await fixture.sql("SELECT pg_current_wal_insert_lsn() + 4000000").scalar ?? ""
        let wherry = try fixture.wherry(["--until-lsn", end])
        try await fixture.sql("CREATE TABLE public.noise (text text)")
        try await fixture.sql(
            "INSERT INTO public.noise SELECT repeat(md5(g::text), 30) FROM generate_series(1, 6000) g")
        #expect(try await wherry.end(within: .seconds(120)).code == 0, "\(wherry.tail)")
        #expect(try await fixture.checkpoint() ?? .zero >= LSN(end) ?? .zero)
        #expect(try await fixture.compare(excluding: ["noise"]) == [])
    }

    @Test(arguments: ["", "12", "G/1", "0/", "1/2/3", "100000000/0", "-1/0", "0/0x1"])
    func untilNoPosition(_ text: String) async throws {
        let process = try WherryProcess(
            [
                "run", "--until-lsn=\(text)", "--log-format", "json", "--source", "postgres://127.0.0.1:1/x",
                "--target",
                "mongodb://127.0.0.1:1/x",
            ], folder: try folder(), name: uniqueName("lsn"))
        try await process.end(within: .seconds(120))
        let refusal = try BadInputRefusal(process, location: #_sourceLocation)
        #expect(refusal.code == 64 && refusal.message.contains("until-lsn"), "\(refusal.message)")
    }

    private func folder() throws -> String {
        let path = SharedServers.directory("lsn")
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
        return path
    }

    /// Two tables, copied.
    private func running(_ prefix: String) async throws -> PipelineFixture {
        let fixture = try await PipelineFixture(prefix)
        try await fixture.makeItems()
        try await fixture.sql(
            "CREATE TABLE public.more (id integer PRIMARY KEY); INSERT INTO public.more VALUES (1), (2), (3)")
        try await fixture.catchUp()
        return fixture
    }
}
