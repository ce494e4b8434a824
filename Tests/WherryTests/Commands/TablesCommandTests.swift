import Foundation
import Model
import Testing

@testable import WherryCommand

private let servers = ["WHERRY_SOURCE": "postgres://u:s3cr3t@h/db", "WHERRY_TARGET": "mongodb://u:s3cr3t@h/shop"]

/// `wherry tables` and `wherry set --accept-schema-change` with databases that are not there.
@Suite struct TablesCommandTests {
    private func name(_ text: String) -> TableName { TableName(schema: "public", name: text) }

    @Test(arguments: [
        (["list"], TablesCall.Action.list),
        (
            ["add", "public.a", "public.b", "--adopt"],
            .add([TableName(schema: "public", name: "a"), TableName(schema: "public", name: "b")], adopts: true)
        ),
        (["remove", #"a."b.c""#], .remove([TableName(schema: "a", name: "b.c")], documents: false)),
        (
            ["remove", "public.a", "--documents"],
            .remove([TableName(schema: "public", name: "a")], documents: true)
        ),
    ])
    func whatItAsksFor(words: [String], action: TablesCall.Action) async {
        var backend = Backend.unused
        backend.tables = { call, _ in
            #expect(call.action == action && call.settings.pipeline == "other")
            return TablesReport(pipeline: "other", tables: [], workerActive: true)
        }
        let run = await program(
            ["tables"] + words + ["--pipeline", "other"], environment: servers, backend: backend)
        #expect(run.code == 0, "\(run.errors)")
    }

    @Test(arguments: [
        (["add"], "missing expected argument"), (["add", "orders"], "'orders' is no schema.table"),
        (["remove", "public.a", "--adopt"], "unknown option '--adopt'"),
    ])
    func usageErrors(words: [String], message: String) async {
        let run = await program(["tables"] + words, environment: servers)
        #expect(run.code == 64 && run.output.isEmpty)
        #expect(run.errors.hasPrefix("wherry: \(message)"), "\(run.errors)")
    }

    /// The report is printed, and the code says what stands in the way.
    @Test func aTableThatCannotBePublished() async throws {
        var backend = Backend.unused
        backend.tables = { call, _ in
            TablesReport(
                pipeline: call.settings.pipeline,
                tables: [.init(table: name("a"), collection: "a", state: "joining")], workerActive: false,
                failure: Failure(.denied, "not published yet", hint: "As owner run: ALTER;"))
        }
        let text = await program(["tables", "add", "public.a"], environment: servers, backend: backend)
        #expect(text.code == 77 && text.errors.contains("not published yet"))
        #expect(text.output.contains("public.a  a           joining"), "\(text.output)")
        #expect(text.output.contains("no worker is active: the next 'wherry run' settles this"))
        let json = await program(["tables", "add", "public.a", "--json"], environment: servers, backend: backend)
        #expect(
            json.output.filter { !$0.isWhitespace }
                == #"{"pipeline":"shop","schema_version":1,"tables":[{"collection":"a","state":"joining","table":"public.a"}],"worker_active":false}"#
        )
    }

    @Test func aChangeThatIsAccepted() async {
        var backend = Backend.unused
        backend.acceptChange = { _, table in
            guard table == name("a") else { throw Failure(.usage, "no such table", hint: "none") }
        }
        backend.set = { _, changes in
            #expect(changes.isEmpty)
            return BackfillLimits()
        }
        func run(_ table: String) async -> ProgramRun {
            await program("set", "--accept-schema-change", table, environment: servers, backend: backend)
        }
        #expect(await run("public.a").code == 0)
        #expect(await run("public.b").code == 64)
        #expect(await run("a").errors.contains("'a' is no schema.table"))
    }
}
