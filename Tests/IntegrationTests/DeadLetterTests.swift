import BSON
import DevServers
import Foundation
import Model
import Mongo
import Postgres
import TestSupport
import Testing

/// Changes that can't be written, kept while everything else goes on (`apply.on_refused: dead_letter`).
@Suite(.onServers) struct DeadLetterTests {
    /// A pipeline with the policy.
    private struct Setting {
        let fixture: PipelineFixture
        let configuration: String

        init(_ name: String, by plugin: OutputPlugin = .underTest) async throws {
            fixture = try await PipelineFixture(name, plugin: plugin)
            configuration = "\(fixture.folder)/dead-letters.yaml"
            let yaml = "apply: {on_refused: dead_letter}\n"
            try Data(yaml.utf8).write(to: URL(fileURLWithPath: configuration))
            try await fixture.makeItems()
        }

        func run(_ arguments: [String] = []) throws -> WherryProcess {
            try fixture.wherry(["--config", configuration] + arguments)
        }

        /// Applies what there is; ends with 65 while something is held back.
        @discardableResult
        func catchUp(_ code: Int32, location: SourceLocation = #_sourceLocation) async throws -> WherryProcess {
            let process = try run(["--until-caught-up"])
            try await process.end()
            #expect(process.child.exitStatus?.code == code, "\(process.tail)", sourceLocation: location)
            return process
        }

        @discardableResult
        func deadLetters(_ words: String..., code: Int32 = 0, location: SourceLocation = #_sourceLocation) async throws
            -> WherryProcess
        {
            let process = try fixture.command(["dead-letters"] + words + fixture.connectionWords)
            try await process.end()
            #expect(process.child.exitStatus?.code == code, "\(process.tail)", sourceLocation: location)
            return process
        }

        /// As they are stored, the oldest first.
        func letters() async throws -> [BSONDocument] {
            try await fixture.inspector.documents("dead_letters", on: fixture.stateDatabase).sorted {
                $0["_id"]?.asDocument?["sequence"]?.asInt64 ?? 0 < $1["_id"]?.asDocument?["sequence"]?.asInt64 ?? 0
            }
        }

        /// `kind key` of each.
        func summary() async throws -> [String] {
            try await letters().map { letter in
                let keys = (letter["keys"]?.asArray ?? []).map(\.debugDescription).joined(separator: "<")
                return "\(letter["kind"]?.asString ?? "") \(keys)"
            }
        }

        func refuse(_ rule: BSONDocument) async throws {
            try await fixture.inspector.command(["collMod": "items", "validator": .document(rule)])
        }

        func names(_ ids: Int32...) async throws -> [String?] {
            var names: [String?] = []
            for id in ids { names.append(try await name(id)) }
            return names
        }

        func name(_ id: Int32) async throws -> String? {
            try await fixture.inspector.document("items", .int32(id))?["name"]?.asString
        }
    }

    @Test(arguments: OutputPlugin.allCases) func whatAValidatorRefusesIsHeldBackUntilItIsRetried(
        by plugin: OutputPlugin
    ) async throws {
        let setting = try await Setting("dlvalidator", by: plugin)
        let fixture = setting.fixture
        try await setting.catchUp(0)
        try await setting.refuse(["name": ["$nin": ["secret one", "secret two"]]])
        try await fixture.sql("UPDATE public.items SET name = 'fine' WHERE id = 3")
        try await fixture.sql("UPDATE public.items SET name = 'secret one' WHERE id = 7")
        // In one batch with what follows it would never be written.
        try await setting.catchUp(65)
        try await fixture.sql("UPDATE public.items SET name = 'better' WHERE id = 7")
        try await fixture.sql(
            "INSERT INTO public.items VALUES (11, 'secret two', ''); UPDATE public.items SET id = 12 WHERE id = 11")
        try await fixture.sql("DELETE FROM public.items WHERE id = 4")
        let run = try await setting.catchUp(65)
        #expect(run.log.contains("held back") && run.log.contains("wherry dead-letters list"))
        #expect(!run.log.contains("secret"))
        // Nothing else waits, and of these rows nothing is shown.
        #expect(try await setting.names(3, 7) == ["fine", "n7"])
        #expect(try await setting.name(12) == nil)
        #expect(try await fixture.inspector.document("items", 4) == nil)
        let first = try await setting.summary()
        #expect(first.contains("update 7") && !first.contains { $0.contains("3") })
        // A start later they are still held, and what comes follows.
        try await fixture.sql(
            "UPDATE public.items SET name = 'best' WHERE id = 7; DELETE FROM public.items WHERE id = 12")
        try await setting.catchUp(65)
        #expect(try await setting.name(7) == "n7")
        #expect(try await setting.summary().suffix(2).map { $0.prefix(6) } == ["update", "delete"])
        let status = try fixture.command(["status", "--json"] + fixture.connectionWords)
        try await status.end()
        #expect(status.output.contains("\"held_back\""))
        // No row is refused by now: they are read again by whoever runs next.
        try await setting.deadLetters("retry", "--all")
        try await setting.catchUp(0)
        #expect(try await setting.letters().isEmpty)
        #expect(try await fixture.compare() == [])
    }

    /// What PostgreSQL takes as json and MongoDB as nothing, in the backfill and in the stream; more than 16 MiB.
    @Test func whatMakesNoDocumentIsKeptAndShownWhereItIsAskedFor() async throws {
        let setting = try await Setting("dltext")
        let fixture = setting.fixture
        try await fixture.sql(
            #"""
            CREATE TABLE public.docs (id integer PRIMARY KEY, body json, note text);
            INSERT INTO public.docs VALUES (1, '{}', 'fine'), (2, '["hidden \ud800"]', 'n')
            """#)
        let large = "repeat(md5('a'), 557056)"
        try await fixture.sql("UPDATE public.items SET note = \(large) WHERE id = 5")
        try await setting.catchUp(65)
        #expect(try await setting.summary().sorted() == ["row 2", "row 5"])
        #expect(try await fixture.inspector.document("docs", 1)?["note"]?.asString == "fine")
        try await fixture.sql("UPDATE public.docs SET body = $1 WHERE id = 1", [#"{"a\u0000": "hidden"}"#])
        try await fixture.sql("UPDATE public.docs SET note = 'later' WHERE id IN (1, 2)")
        let run = try await setting.catchUp(65)
        #expect(!run.log.contains("hidden"))
        #expect(try await setting.summary().contains("update 1"))
        #expect(try await fixture.inspector.document("docs", 1)?["note"]?.asString == "fine")
        let list = try await setting.deadLetters("list")
        #expect(list.output.contains("column body (json)") && !list.output.contains("hidden"))
        let letter = try await setting.letters().first { $0["collection"] == "docs" && $0["kind"] == "update" }
        let id = try #require(letter?["_id"]?.asDocument?["sequence"]?.asInt64)
        let show = try await setting.deadLetters("show", "\(id)")
        #expect(show.output.contains("hidden") && show.output.contains("public.docs"))
        let unknown = try await setting.deadLetters("show", "999", code: 64)
        #expect(unknown.log.contains("under the number 999"))
        // Retried before it is mended nothing is written, and nothing is lost.
        try await setting.deadLetters("retry", "--all")
        try await setting.catchUp(65)
        #expect(Set(try await setting.letters().compactMap { $0["collection"]?.asString }) == ["docs", "items"])
        try await fixture.sql("UPDATE public.docs SET body = '1'; UPDATE public.items SET note = 's' WHERE id = 5")
        let worker = try setting.run()
        try await fixture.waitUntilCaughtUp(worker)
        try await setting.deadLetters("retry", "--all")
        try await fixture.waitUntil("all are written", worker) { try await setting.letters().isEmpty }
        try await fixture.waitUntilCaughtUp(worker)
        #expect(try await worker.terminate().code == 0)
        #expect(try await fixture.compare(excluding: ["docs"]) == [])
        let docs = try await fixture.inspector.documents("docs")
        #expect(docs.count == 2 && docs.allSatisfy { $0["note"] == "later" && $0["body"]?.asInt64 == 1 })
    }

    @Test(arguments: OutputPlugin.allCases) func aUniqueIndexHoldsBothKeysOfARowThatMoves(by plugin: OutputPlugin)
        async throws
    {
        let setting = try await Setting("dlunique", by: plugin)
        let fixture = setting.fixture
        try await setting.catchUp(0)
        try await fixture.inspector.createUniqueIndex("items", on: "name")
        try await fixture.sql("UPDATE public.items SET id = 20, name = 'n1' WHERE id = 2")
        try await fixture.sql("INSERT INTO public.items VALUES (2, 'next', '')")
        try await fixture.sql("UPDATE public.items SET name = 'other' WHERE id = 8")
        try await setting.catchUp(65)
        #expect(try await setting.names(8, 2, 20) == ["other", "n2", nil])
        let letters = try await setting.letters()
        #expect(letters.contains { $0["reason"]?.asString?.contains("unique index on (name)") == true })
        try await fixture.sql("UPDATE public.items SET name = 'unique' WHERE id = 20")
        try await setting.deadLetters("retry", "--all")
        try await setting.catchUp(0)
        #expect(try await fixture.compare() == [])
    }

    @Test func truncateAndDiscardHoldNothingBack() async throws {
        let setting = try await Setting("dldiscard")
        let fixture = setting.fixture
        try await setting.catchUp(0)
        try await setting.refuse(["name": ["$ne": "refused"]])
        try await fixture.sql("UPDATE public.items SET name = 'refused' WHERE id IN (1, 2)")
        try await setting.catchUp(65)
        try await fixture.sql("UPDATE public.items SET name = 'later' WHERE id IN (1, 2)")
        try await setting.catchUp(65)
        let letters = try await setting.letters()
        let one = try #require(letters.first { $0["keys"] == [1] }?["_id"]?.asDocument?["sequence"]?.asInt64)
        let worker = try setting.run()
        try await fixture.waitUntilCaughtUp(worker)
        let said = try await setting.deadLetters("discard", "\(one)")
        #expect(said.output.contains("items 1") && said.output.contains("differ"))
        #expect(try await setting.summary().allSatisfy { $0.hasSuffix(" 2") })
        #expect(try await setting.name(1) == "n1")
        // The worker lets go of it by itself.
        try await fixture.waitUntil("the document follows again", worker) {
            try await fixture.sql("UPDATE public.items SET name = 'free ' || clock_timestamp() WHERE id = 1")
            try await fixture.waitUntilCaughtUp(worker)
            return try await setting.name(1)?.hasPrefix("free") == true
        }
        #expect(try await setting.name(2) == "n2")
        try await fixture.sql("TRUNCATE public.items; INSERT INTO public.items VALUES (2, 'new', '')")
        try await fixture.waitUntilCaughtUp(worker)
        #expect(try await setting.letters().isEmpty)
        #expect(try await worker.terminate().code == 0)
        #expect(try await fixture.compare() == [])
    }

    /// Killed at any moment: each change is kept once, in its order, and none is lost.
    @Test func killedAgainAndAgainEachChangeIsKeptOnce() async throws {
        let setting = try await Setting("dlkill")
        let fixture = setting.fixture
        try await setting.catchUp(0)
        try await setting.refuse(["note": ["$ne": "refused"]])
        async let load: Void = {
            for number in 1...120 {
                let note = number % 10 == 0 ? "refused" : "n\(number)"
                try await fixture.sql(
                    "UPDATE public.items SET name = 'v\(number)', note = '\(note)' WHERE id = \(number % 10 + 1)")
                try await Task.sleep(for: .milliseconds(20))
            }
        }()
        var generator = SeededGenerator(seed: 11)
        for _ in 1...5 {
            let worker = try setting.run()
            try await worker.waitForLine("it streams") { $0.message == "streaming" }
            try await Task.sleep(for: .milliseconds(Int.random(in: 50...400, using: &generator)))
            try await worker.kill()
        }
        try await load
        try await setting.catchUp(65)
        // Only row 1 is ever refused; each later change of it follows.
        let letters = try await setting.letters()
        let names = letters.compactMap { ($0["document"] ?? $0["row"])?.asDocument?["name"]?.asString }
        #expect(letters.allSatisfy { $0["keys"] == [1] } && names.last == "v120")
        let numbers = names.compactMap { Int($0.dropFirst()) }
        #expect(numbers == Array(Set(numbers)).sorted(), "\(names)")
        try await fixture.sql("UPDATE public.items SET note = 'mended' WHERE id = 1")
        try await setting.deadLetters("retry", "--all")
        try await setting.catchUp(0)
        #expect(try await fixture.compare() == [])
    }
}
