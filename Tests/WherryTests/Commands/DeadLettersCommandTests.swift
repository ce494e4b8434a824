import BSON
import Model
import Testing

@testable import WherryCommand

private let servers = ["WHERRY_SOURCE": "postgres://u:s3cr3t@h/db", "WHERRY_TARGET": "mongodb://u:s3cr3t@h/shop"]

/// `wherry dead-letters` with databases that are not there: what it asks for, and what it says.
@Suite struct DeadLettersCommandTests {
    private static let letters: [DeadLetter] = {
        let origin = DeadLetter.Origin(
            lsn: LSN(rawValue: 0x1_0000_0010), xid: 700, commitTime: SourceTime(microseconds: 0))
        var first = DeadLetter(
            collection: "orders", table: TableName(schema: "public", name: "orders"), keys: [["_id": 7], ["_id": 3]],
            kind: .update, reason: "the collection's validator refused a document", origin: origin,
            content: .document(["_id": 7, "name": "hidden"]))
        var second = DeadLetter(
            collection: "orders", table: TableName(schema: "public", name: "orders"), keys: [["_id": 7]],
            kind: .row, reason: "too large", content: .tooLarge(20_000_000))
        (first.sequence, second.sequence) = (12, 13)
        return [first, second]
    }()

    private func backend(
        _ action: DeadLettersReport.Action, expecting expected: DeadLettersCall
    ) -> Backend {
        var backend = Backend.unused
        backend.deadLetters = { settings, call in
            #expect(settings.pipeline == "shop" && call == expected)
            return DeadLettersReport(pipeline: settings.pipeline, action: action, letters: Self.letters)
        }
        return backend
    }

    @Test func listSaysWhatAndWhyWithoutValues() async {
        let run = await program(
            "dead-letters", "list", environment: servers, backend: backend(.listed, expecting: .list))
        #expect(run.code == 0, "\(run.errors)")
        #expect(
            run.output == """
                id  collection  key       change  committed                 reason
                12  orders      7 from 3  update  2000-01-01T00:00:00.000Z  the collection's validator refused a document
                13  orders      7         row                               too large

                2 changes of 2 documents are held back: mend what refuses them, then 'wherry dead-letters retry --all'

                """)
    }

    @Test func showHasTheValues() async {
        let text = await program(
            "dead-letters", "show", "12", environment: servers, backend: backend(.shown, expecting: .show(12)))
        #expect(text.output.contains(#"values  {"_id": 7, "name": "hidden"}"#))
        #expect(text.output.contains("at      1/10, transaction 700, committed 2000-01-01T00:00:00.000Z"))
        #expect(text.output.contains("values  20"))
        let json = await program(
            "dead-letters", "show", "12", "--json", environment: servers,
            backend: backend(.shown, expecting: .show(12)))
        #expect(json.output.contains(#""bytes" : 20000000"#) && json.output.contains("hidden"))
        let listed = await program(
            "dead-letters", "list", "--json", environment: servers, backend: backend(.listed, expecting: .list))
        #expect(listed.output.contains(#""commit_time""#) && !listed.output.contains("hidden"))
    }

    @Test func retryAndDiscardSayWhatHappens() async {
        let all = await program(
            "dead-letters", "retry", "--all", environment: servers, backend: backend(.retried, expecting: .retry(nil)))
        #expect(all.output.hasPrefix("2 rows of pipeline shop will be read again"))
        let some = await program(
            "dead-letters", "retry", "12", "13", environment: servers,
            backend: backend(.retried, expecting: .retry([12, 13])))
        #expect(some.code == 0)
        let gone = await program(
            "dead-letters", "discard", "12", environment: servers,
            backend: backend(.discarded, expecting: .discard([12])))
        #expect(gone.output.contains("2 documents now differ from the source"))
        #expect(gone.output.contains("'wherry backfill public.orders'"))
    }

    @Test(arguments: [["retry"], ["retry", "--all", "3"], ["discard"], ["show"], ["show", "x"], ["forget"]])
    func mistakes(words: [String]) async {
        let run = await program(["dead-letters"] + words, environment: servers)
        #expect(run.code == 64 && run.output.isEmpty, "\(run.errors)")
    }
}
