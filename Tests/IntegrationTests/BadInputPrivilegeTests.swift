import DevServers
import Foundation
import Postgres
import TestSupport
import Testing

/// What the role of the source may not do, and a server that isn't set up.
@Suite(.onServers) struct BadInputPrivilegeTests {
    /// One thing after the other is refused, and mended with the statement of the hint.
    @Test func aRoleThatLacksEverything() async throws {
        let fixture = try await PipelineFixture("role")
        try await fixture.makeItems()
        try await fixture.sql("CREATE TABLE public.more (id integer PRIMARY KEY); INSERT INTO public.more VALUES (1)")
        let role = fixture.name
        try await fixture.sql("CREATE ROLE \(role) LOGIN; GRANT SELECT ON public.items TO \(role)")
        let uri = fixture.postgres.uri(user: role, database: fixture.name)
        try await fixture.sql("REVOKE CONNECT ON DATABASE \(fixture.name) FROM PUBLIC")
        let closed = try await fixture.refused(77, "permission denied for database", source: uri)
        #expect(closed.hint.contains("CONNECT"))
        try await fixture.sql("GRANT CONNECT ON DATABASE \(fixture.name) TO \(role)")

        let replication = try await fixture.refused(77, role, "may not replicate", source: uri)
        #expect(replication.hint.contains("ALTER ROLE \"\(role)\" REPLICATION;"))
        try await fixture.sql("ALTER ROLE \(role) REPLICATION")
        let select = try await fixture.refused(77, "may not read public.more", source: uri)
        #expect(select.hint.contains("GRANT SELECT ON \"public\".\"more\" TO \"\(role)\";"))
        try await fixture.sql("GRANT SELECT ON public.more TO \(role)")
        let publication = try await fixture.refused(77, "publication wherry_\(fixture.name)", source: uri)
        let creation = try publication.statement
        #expect(creation.hasPrefix("CREATE PUBLICATION"))
        try await fixture.expectUntouched()
        try await fixture.sql(creation)
        try await fixture.expectEqual(arguments: ["--source", uri])
    }

    /// Everything under the role and the publication that `sql/` makes.
    @Test func theWholeLifeWithLeastPrivilege() async throws {
        let fixture = try await PipelineFixture("least")
        try await fixture.makeItems()
        let (role, publication) = (fixture.name, "wherry_\(fixture.name)")
        let sql = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
            .appendingPathComponent("../../sql").standardized.path
        try await fixture.postgres.psql(
            file: "\(sql)/10_role.sql", database: fixture.name, variables: ["role": role])
        try await fixture.postgres.psql(
            file: "\(sql)/20_publication.sql", database: fixture.name, variables: ["publication": publication])
        let uri = fixture.postgres.uri(user: role, database: fixture.name)
        let ends = [
            "--source", uri, "--target", fixture.targetURI, "--pipeline", fixture.name, "--state-database",
            fixture.stateDatabase,
        ]
        #expect(try await code(fixture, ["check"] + ends) == 0)
        try await fixture.expectEqual(arguments: ["--source", uri])
        let wherry = try fixture.wherry(["--source", uri])
        try await fixture.sql(
            "INSERT INTO public.items VALUES (11, 'x'); DELETE FROM public.items WHERE id = 1; "
                + "UPDATE public.items SET id = 20 WHERE id = 2")
        try await fixture.waitUntilCaughtUp(wherry, within: .seconds(120))
        #expect(try await fixture.compare() == [])
        let status = try fixture.command(["status", "--json"] + ends)
        #expect(try await status.end(within: .seconds(120)).code == 0)
        let object = try JSONSerialization.jsonObject(with: Data(status.output.utf8)) as? [String: Any] ?? [:]
        #expect((object["worker"] as? [String: Any])?["active"] as? Bool == true)
        #expect((object["slot"] as? [String: Any])?["held_bytes"] as? Int != nil)
        #expect(object["lag_bytes"] as? Int != nil)
        #expect(
            try await code(fixture, ["pipelines"] + ends.filter { !["--pipeline", fixture.name].contains($0) }) == 0)
        #expect(try await wherry.terminate(within: .seconds(60)).code == 0)

        // All goes but the publication, which is its owner's.
        let drop = try fixture.command(
            ["drop", fixture.name, "--yes"]
                + ends.filter {
                    !["--pipeline", fixture.name].contains($0)
                } + ["--log-format", "json"])
        let refusal = try await fixture.refusal(of: drop, 77, "may not drop publication \(publication)")
        try await fixture.sql(try refusal.statement)
        #expect(try await fixture.state() == nil)
        let slots = try await fixture.sql(
            "SELECT count(*) FROM pg_replication_slots WHERE slot_name = $1", [publication])
        #expect(slots.scalar == "0")
    }

    private func code(_ fixture: PipelineFixture, _ words: [String]) async throws -> Int32? {
        let process = try fixture.command(words)
        let status = try await process.end(within: .seconds(120))
        if status.code != 0 { Issue.record("\(process.tail)") }
        return status.code
    }

    /// One server, with one thing after another in the way.
    @Test func aServerThatIsNotSetUp() async throws {
        let settings = ["wal_level": "replica", "max_replication_slots": "1", "max_wal_senders": "3"]
        try await PipelineFixture.withOwnServers("setup", postgres: settings) { fixture in
            let server = fixture.postgres
            try await fixture.makeItems()
            let level = try await fixture.refused(78, "wal_level is replica")
            #expect(level.hint.contains("ALTER SYSTEM SET wal_level"))
            try await server.configure(["wal_level": "logical"])
            try await server.restart()

            try await fixture.sqlAgain("SELECT pg_create_physical_replication_slot('taken')")
            let slots = try await fixture.refused(78, "replication slots are taken")
            #expect(slots.hint.contains("max_replication_slots"))
            try await fixture.sql("SELECT pg_drop_replication_slot('taken')")

            if try await fixture.sql("SELECT count(*) FROM pg_settings WHERE name = 'output_plugin_libraries'").scalar
                == "1"
            {
                try await server.configure(["wal_level": "logical", "output_plugin_libraries": "test_decoding"])
                try await waitUntil("the setting is read", within: .seconds(60)) {
                    try await fixture.sql("SHOW output_plugin_libraries").scalar == "test_decoding"
                }
                let plugin = try await fixture.refused(78, "output_plugin_libraries doesn't allow pgoutput")
                for part in plugin.hint.split(separator: ";").prefix(2) { try await fixture.sql(String(part)) }
                // What was set in a file comes after ALTER SYSTEM here; the statement itself was accepted.
                try await server.configure(["wal_level": "logical"])
            }
            try await fixture.expectUntouched()
            try await fixture.expectEqual()
        }
    }
}

extension PipelineFixture {
    /// After a restart of the server the first statement finds the old connection dead.
    func sqlAgain(_ text: String) async throws {
        do { try await sql(text) } catch { try await sql(text) }
    }
}
