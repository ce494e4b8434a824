import BSON
import DevServers
import Foundation
import Model
import Postgres
import TestSupport
import Testing

/// How a run ended that had to be refused: its one error, and everything it printed.
struct BadInputRefusal {
    let code: Int32
    let message: String
    let hint: String
    let text: String

    /// Checks what every refusal owes its reader: one error, complete on its line, with a hint.
    init(_ process: WherryProcess, location: SourceLocation) throws {
        text = process.log + process.output
        code = process.child.exitStatus?.code ?? -1
        let errors = process.log.split(separator: "\n").compactMap { line -> [String: Any]? in
            let object = try? JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: Any]
            return object?["error"] as? [String: Any]
        }
        #expect(errors.count == 1, "\(process.tail)", sourceLocation: location)
        message = errors.first?["message"] as? String ?? ""
        hint = errors.first?["hint"] as? String ?? ""
        #expect(!message.isEmpty && !message.hasSuffix("."), "\(message)", sourceLocation: location)
        #expect(!message.contains("\n"), "\(message)", sourceLocation: location)
        #expect(hint.count > 10, "no hint for: \(message)", sourceLocation: location)
    }

    /// The statements that the hint prints after "run: ".
    var statement: String {
        get throws {
            let start = try #require(hint.range(of: "run: "), "no statement in: \(hint)")
            return String(hint[start.upperBound...]).replacing(" 'wherry check' lists everything.", with: "")
        }
    }

    func expect(_ code: Int32, _ words: [String], _ location: SourceLocation) {
        #expect(self.code == code, "\(message)", sourceLocation: location)
        for word in words {
            #expect(message.contains(word), "'\(word)' is not in: \(message)", sourceLocation: location)
        }
    }
}

extension PipelineFixture {
    /// Runs `wherry run --until-caught-up`, which must end with `code` and an error that names all of `words`.
    @discardableResult
    func refused(
        _ code: Int32, _ words: String..., source: String? = nil, target: String? = nil, arguments: [String] = [],
        limits: BatchSizes? = nil, location: SourceLocation = #_sourceLocation
    ) async throws -> BadInputRefusal {
        let ends = [
            "run", "--until-caught-up", "--source", source ?? sourceURI, "--target", target ?? targetURI, "--pipeline",
            name, "--state-database", stateDatabase, "--log-format", "json",
        ]
        let process = try command(ends + arguments + (limits.map { try configurationWords($0) } ?? []))
        try await process.end(within: .seconds(120))
        let refusal = try BadInputRefusal(process, location: location)
        refusal.expect(code, words, location)
        return refusal
    }

    /// The end of a run that was going on.
    @discardableResult
    func refusal(
        of process: WherryProcess, _ code: Int32, _ words: String..., location: SourceLocation = #_sourceLocation
    ) async throws -> BadInputRefusal {
        try await process.end(within: .seconds(120))
        let refusal = try BadInputRefusal(process, location: location)
        refusal.expect(code, words, location)
        return refusal
    }

    /// Nothing was begun: no slot, no publication, no state, no document.
    func expectUntouched(collection: String = "items", location: SourceLocation = #_sourceLocation) async throws {
        let slots = try await sql(
            "SELECT count(*) FROM pg_replication_slots WHERE slot_name = $1", ["wherry_\(name)"])
        #expect(slots.scalar == "0", "a slot is left", sourceLocation: location)
        let publications = try await sql("SELECT count(*) FROM pg_publication WHERE pubname = $1", ["wherry_\(name)"])
        #expect(publications.scalar == "0", "a publication is left", sourceLocation: location)
        #expect(try await state() == nil, "a state is left", sourceLocation: location)
        #expect(try await inspector.count(collection) == 0, "documents are left", sourceLocation: location)
    }

    /// The checkpoint may move up to a change that is refused, and not past it.
    ///
    /// - Parameter mark: taken after the change.
    func expectNotPast(_ mark: LSN, location: SourceLocation = #_sourceLocation) async throws {
        let checkpoint = try await checkpoint()
        #expect(checkpoint ?? .zero < mark, sourceLocation: location)
    }

    /// Catches up and compares everything.
    func expectEqual(
        excluding: Set<String> = [], arguments: [String] = [], location: SourceLocation = #_sourceLocation
    ) async throws {
        let process = try await runToEnd(["--until-caught-up"] + arguments, within: .seconds(120))
        #expect(process.child.exitStatus?.code == 0, "\(process.tail)", sourceLocation: location)
        #expect(try await compare(excluding: excluding) == [], sourceLocation: location)
    }

    /// A table of ten rows.
    func makeItems() async throws {
        try await sql(
            """
            CREATE TABLE public.items (id integer PRIMARY KEY, name text, note text);
            ALTER TABLE public.items ALTER COLUMN note SET STORAGE EXTERNAL;
            INSERT INTO public.items SELECT g, 'n' || g FROM generate_series(1, 10) g;
            """)
    }

    /// `wherry drop`, documents included.
    func drop(location: SourceLocation = #_sourceLocation) async throws {
        let process = try command([
            "drop", name, "--yes", "--documents", "--source", sourceURI, "--target", targetURI, "--state-database",
            stateDatabase,
        ])
        try await process.end(within: .seconds(120))
        #expect(process.child.exitStatus?.code == 0, "\(process.tail)", sourceLocation: location)
    }
}
