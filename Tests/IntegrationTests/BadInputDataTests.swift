import BSON
import DevServers
import Model
import TestSupport
import Testing

/// Rows and documents that don't fit.
@Suite struct BadInputDataTests {
    /// 17 MiB from short pieces, so that no single value is too large for PostgreSQL's protocol.
    private static let large = "repeat(md5('a'), 557056)"

    @Test func aDocumentTooLargeInTheCopy() async throws {
        let fixture = try await PipelineFixture("largecopy")
        try await fixture.makeItems()
        try await fixture.sql("UPDATE public.items SET note = \(Self.large) WHERE id = 7")
        let refusal = try await fixture.refused(65, "public.items", "16 MiB", "items")
        #expect(!refusal.text.contains("0cc175b9"))
        #expect(try await fixture.checkpoint() == nil)
        try await fixture.sql("UPDATE public.items SET note = 'short' WHERE id = 7")
        try await fixture.expectEqual()
    }

    @Test func aDocumentTooLargeInTheStream() async throws {
        let fixture = try await PipelineFixture("largestream")
        try await fixture.makeItems()
        let wherry = try fixture.wherry()
        try await fixture.waitUntilCaughtUp(wherry, within: .seconds(120))
        try await fixture.sql("UPDATE public.items SET note = \(Self.large) WHERE id = 7")
        let refusal = try await fixture.refusal(of: wherry, 65, "public.items", "16 MiB", "items")
        #expect(!refusal.text.contains("0cc175b9"))
        let before = try await fixture.checkpoint()
        try await fixture.refused(65, "public.items")
        #expect(try await fixture.checkpoint() == before)
        try await fixture.sql("UPDATE public.items SET name = 'other' WHERE id = 8")
        try await fixture.sql("UPDATE public.items SET note = 'short' WHERE id = 7")
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
        let before = try await fixture.checkpoint()
        try await fixture.sql("UPDATE public.items SET name = 'forbidden fruit' WHERE id = 7")
        let refusal = try await fixture.refused(65, "items", "validat")
        #expect(!refusal.text.contains("forbidden fruit"))
        #expect(try await fixture.checkpoint() == before)
        try await setValidator([:], fixture)
        try await fixture.expectEqual()

        try await fixture.drop()
        try await setValidator(rule, fixture)
        let copy = try await fixture.refused(65, "items", "validat")
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
        let refusal = try await fixture.refused(65, "(name)", "items")
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
        let before = try await fixture.checkpoint()
        try await fixture.sql("UPDATE public.items SET name = 'part' WHERE id = 5")
        let refusal = try await fixture.refused(65, "missing", "items")
        #expect(refusal.hint.contains("restore"))
        #expect(try await fixture.checkpoint() == before)
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
            let before = try await fixture.checkpoint()
            try await fixture.sql("UPDATE public.items SET name = 'later'")
            // OutOfDiskSpace.
            let data: BSONDocument = [
                "failCommands": ["update"], "appName": .string(fixture.applicationName), "errorCode": 14031,
            ]
            try await fixture.inspector.command(
                ["configureFailPoint": "failCommand", "mode": "alwaysOn", "data": .document(data)], on: "admin")
            let wherry = try fixture.wherry()
            try await waitUntil("it has noticed", within: .seconds(120)) {
                !wherry.isRunning || wherry.log.contains("14031") || wherry.log.contains("OutOfDiskSpace")
            }
            #expect(try await fixture.checkpoint() == before)
            try await fixture.inspector.command(
                ["configureFailPoint": "failCommand", "mode": "off"], on: "admin")
            if wherry.isRunning {
                try await fixture.waitUntilCaughtUp(wherry, within: .seconds(120))
                #expect(try await wherry.terminate(within: .seconds(60)).code == 0)
            } else {
                try await fixture.refusal(of: wherry, 69, "OutOfDiskSpace")
            }
            try await fixture.expectEqual()
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
