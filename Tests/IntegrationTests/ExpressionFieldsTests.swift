import BSON
import DevServers
import Foundation
import Model
import Postgres
import TestSupport
import Testing

/// `where` and `compute` through copy, backfill and stream: PostgreSQL says with the same expressions which rows there
/// are and what their fields hold.
@Suite(.onServers) struct ExpressionFieldsTests {
    private static let condition = "state <> 'draft' AND (big IS NULL OR left(big, 1) <> 'z') AND price IS NOT NULL"

    private static let table = """
        CREATE TABLE public.sales (id integer PRIMARY KEY, state text, price numeric, qty integer, big text, other text,
            sold date);
        ALTER TABLE public.sales ALTER big SET STORAGE EXTERNAL, ALTER other SET STORAGE EXTERNAL;
        """

    /// `first..<first + count`, some of them documents.
    private static func rows(from first: Int, count: Int) -> String {
        """
        INSERT INTO public.sales SELECT n, (ARRAY['draft', 'open', 'done'])[n % 3 + 1],
            CASE WHEN n % 11 > 0 THEN n / 4.0 END, n % 7,
            CASE WHEN n % 5 > 0 THEN chr(97 + n % 26) || repeat('b', 5000) END, repeat('o', 4000), '2024-01-01'::date + n
        FROM generate_series(\(first), \(first + count - 1)) n
        """
    }

    private static func configuration(_ condition: String, _ more: String = "") -> String {
        """
        \(more)
        collections:
          sales:
            from: public.sales
            where: "\(condition)"
            drop: [other]
            compute:
              total: price * qty
              in.label: "state || ':' || left(big, 2)"
              in.year: extract(year from sold)::int
              code: CASE WHEN qty > 3 THEN 'many' ELSE 'few' END

        """
    }

    private func compare(
        _ fixture: PipelineFixture, where condition: String = condition, location: SourceLocation = #_sourceLocation
    ) async throws {
        let rows = try await fixture.sql(
            """
            SELECT id::text, state, price::text, qty::text, big, sold::text, CASE WHEN qty > 3 THEN 'many' ELSE 'few' END,
                state || ':' || left(big, 2), extract(year from sold)::int::text, (price * qty)::text
            FROM public.sales WHERE \(condition)
            """
        ).rows
        let wanted = Dictionary(uniqueKeysWithValues: rows.map { ($0[0] ?? "", $0) })
        let documents = try await fixture.inspector.documents("sales")
        let found = Dictionary(uniqueKeysWithValues: documents.map { ("\($0["_id"]?.asInt64 ?? 0)", $0) })
        var differences = Set(wanted.keys).symmetricDifference(found.keys).map {
            "\($0) is \(wanted[$0] == nil ? "no row" : "no document")"
        }
        for (id, row) in wanted {
            guard let document = found[id] else { continue }
            let inner = document["in"]?.asDocument
            let shown: [String: BSONValue?] = [
                "state": document["state"], "price": document["price"], "qty": document["qty"], "big": document["big"],
                "code": document["code"], "label": inner?["label"], "year": inner?["year"], "total": document["total"],
            ]
            let types = [1: "state", 2: "price", 3: "qty", 4: "big", 6: "code", 7: "label", 8: "year", 9: "total"]
            for (place, name) in types {
                let value: BSONValue? =
                    switch name {
                    case "price", "total": row[place].flatMap { Decimal128($0) }.map { .decimal128($0) }
                    case "qty", "year": row[place].flatMap { Int32($0) }.map { .int32($0) }
                    default: row[place].map { .string($0) }
                    }
                if shown[name] != value ?? .null { differences.append("\(id) differs in \(name)") }
            }
            if document.names != ["_id", "state", "price", "qty", "big", "sold", "code", "in", "total"] {
                differences.append("\(id) has the fields \(document.names)")
            }
        }
        #expect(differences.prefix(5) == [], "\(differences.count) in all", sourceLocation: location)
    }

    @Test(arguments: [
        "backfill: {mode: live, max_chunk_rows: 40}", "backfill: {mode: exported}", "source: {plugin: wal2json}",
    ])
    func rowsEnterAndLeaveUnderLoad(settings: String) async throws {
        let fixture = try await PipelineFixture("exprload")
        try await fixture.sql(Self.table)
        try await fixture.sql(Self.rows(from: 1, count: 600))
        let file = try fixture.configuration(Self.configuration(Self.condition, settings))
        async let load: Void = {
            var generator = SeededGenerator(seed: 5)
            for step in 1...150 {
                let id = Int.random(in: 1...620, using: &generator)
                try await fixture.sql(change(id, step, &generator))
            }
        }()
        try await fixture.runAndKill(4, file, seed: 6)
        try await load
        try await fixture.catchUp(arguments: file)
        try await compare(fixture)
    }

    private func change(_ id: Int, _ step: Int, _ generator: inout SeededGenerator) -> String {
        switch Int.random(in: 0..<10, using: &generator) {
        case 0: "UPDATE public.sales SET state = 'draft' WHERE id % 10 = \(id % 10)"
        case 1: "UPDATE public.sales SET state = 'open', qty = \(step) WHERE id % 10 = \(id % 10)"
        case 2: "UPDATE public.sales SET big = 'z' || big WHERE id = \(id)"
        case 3: "UPDATE public.sales SET big = 'y' || repeat('c', 6000) WHERE id % 20 = \(id % 20)"
        case 4: "UPDATE public.sales SET big = NULL, price = 1.5 WHERE id = \(id)"
        case 5: "UPDATE public.sales SET id = \(1000 + step) WHERE id = \(id)"
        case 6: "DELETE FROM public.sales WHERE id = \(id)"
        case 7: Self.rows(from: 2000 + step * 5, count: 5)
        case 8: "UPDATE public.sales SET price = CASE WHEN price IS NULL THEN 2 END WHERE id % 10 = \(id % 10)"
        default: "UPDATE public.sales SET other = 'p' || other, sold = sold + 400 WHERE id % 30 = \(id % 30)"
        }
    }

    @Test func anotherConditionIsTakenByReadingAgain() async throws {
        let fixture = try await PipelineFixture("exprwhere")
        try await fixture.sql(Self.table)
        try await fixture.sql(Self.rows(from: 1, count: 60))
        let all = try fixture.configuration(Self.configuration("true"))
        try await fixture.catchUp(arguments: all)
        try await compare(fixture, where: "true")
        let few = try fixture.configuration(Self.configuration("qty > 4"))
        try await fixture.refused(78, "the mapping of table public.sales is not the one", arguments: few)
        try await fixture.catchUp(arguments: few + ["--accept-mapping-change"])
        try await compare(fixture, where: "qty > 4")
        try await fixture.sql("UPDATE public.sales SET qty = qty + 2")
        try await fixture.catchUp(arguments: few)
        try await compare(fixture, where: "qty > 4")
    }

    /// A column that the file's expressions name is younger than what the stream still brings.
    @Test func anExpressionOverAColumnThatIsAddedLater() async throws {
        let fixture = try await PipelineFixture("expradd")
        try await fixture.sql("CREATE TABLE public.sales (id integer PRIMARY KEY, name text)")
        try await fixture.sql("INSERT INTO public.sales SELECT n, 'n' || n FROM generate_series(1, 10) n")
        try await fixture.catchUp(
            arguments: try fixture.configuration("collections: { sales: { from: public.sales } }"))
        try await fixture.sql(
            "UPDATE public.sales SET name = 'old' WHERE id < 4; INSERT INTO public.sales VALUES (11, 'x')")
        try await fixture.sql("ALTER TABLE public.sales ADD size integer DEFAULT 3")
        try await fixture.sql("UPDATE public.sales SET size = 9 WHERE id = 5; DELETE FROM public.sales WHERE id = 6")
        let file = try fixture.configuration(
            """
            collections: { sales: { from: public.sales, where: size < 5, compute: { twice: size * 2 } } }
            """)
        try await fixture.catchUp(arguments: file + ["--accept-mapping-change"])
        let wanted = try await fixture.sql("SELECT id, name FROM public.sales WHERE size < 5 ORDER BY id").rows
        let documents = try await fixture.inspector.documents("sales")
        #expect(documents.count == wanted.count)
        for (document, row) in zip(documents, wanted) {
            #expect(document == ["_id": .int32(Int32(row[0]!)!), "name": .string(row[1]!), "size": 3, "twice": 6])
        }
    }

    /// Of a row that is no document nothing is looked at but its key, and an application's own document stays.
    @Test func aBackfillBesideAnApplication() async throws {
        let fixture = try await PipelineFixture("exprguard")
        try await fixture.sql(
            """
            CREATE TABLE public.sales (id integer PRIMARY KEY, price integer, qty integer, at timestamptz);
            INSERT INTO public.sales VALUES (1, 6, 2, '2024-01-01'), (2, 6, 0, '2024-01-01'), (3, 6, 0, NULL),
                (4, 6, 0, '2024-01-01');
            """)
        let day: Int64 = 86_400_000
        let newYear: Int64 = 1_704_067_200_000
        try await fixture.inspector.insert(
            [["_id": 3, "at": .date(newYear)], ["_id": 4, "at": .date(newYear + day)]], into: "sales")
        let file = try fixture.configuration(
            """
            collections:
              sales: { from: public.sales, where: qty > 0, compute: { unit: price / qty }, last_modified: at }

            """)
        try await fixture.catchUp(arguments: file + ["--adopt"])
        let found = try await fixture.inspector.documents("sales").compactMap { $0["_id"]?.asInt64 }
        #expect(found.sorted() == [1, 3, 4])
    }

    /// Its rows can't be read again: what waits for them ends, and the pipeline goes on.
    @Test func aTableThatIsGoneBeforeItsRowsAreReadAgain() async throws {
        let fixture = try await PipelineFixture("exprgone")
        try await fixture.sql(Self.table)
        try await fixture.sql(Self.rows(from: 1, count: 20))
        try await fixture.sql("CREATE TABLE public.stays (id integer PRIMARY KEY, a integer)")
        let file = try fixture.configuration(
            Self.configuration(Self.condition) + "  stays: { from: public.stays }\n")
        try await fixture.catchUp(arguments: file)
        try await fixture.sql("UPDATE public.sales SET qty = 100; INSERT INTO public.stays VALUES (1, 2)")
        try await fixture.sql("DROP TABLE public.sales")
        try await fixture.catchUp(arguments: file)
        #expect(try await fixture.inspector.documents("stays") == [["_id": 1, "a": 2]])
        #expect(try await fixture.inspector.documents("rereads", on: fixture.stateDatabase) == [])
    }

    @Test func anExpressionWithoutAValue() async throws {
        let fixture = try await PipelineFixture("exprfail")
        try await fixture.sql("CREATE TABLE public.sales (id integer PRIMARY KEY, a integer, b integer)")
        try await fixture.sql("INSERT INTO public.sales VALUES (1, 6, 3), (2, 1, 0), (3, 8, 2)")
        let collections = "collections: { sales: { from: public.sales, compute: { ratio: a / b } } }"
        let strict = try fixture.configuration(collections)
        try await fixture.refused(
            65, "'compute.ratio' of table public.sales divides by zero in a row (key digest d4735e3a265e16ee)",
            arguments: strict)
        let lenient = try fixture.configuration("apply: {on_refused: dead_letter}\n" + collections)
        let held = try await fixture.runToEnd(["--until-caught-up"] + lenient)
        #expect(held.child.exitStatus?.code == 65)
        #expect(try await fixture.inspector.documents("sales").map { $0["ratio"] } == [2, 4])
        try await fixture.sql("UPDATE public.sales SET b = 1 WHERE id = 2")
        try await fixture.writeWhatIsHeldBack(lenient)
        let ratios = try await fixture.inspector.documents("sales").map {
            ["\($0["_id"] ?? .null)", "\($0["ratio"] ?? .null)"]
        }
        #expect(Set(ratios) == [["1", "2"], ["2", "1"], ["3", "4"]])
    }

    /// The policy of a value goes before that of the pipeline.
    @Test func valuesThatAreToBeHeldBack() async throws {
        let fixture = try await PipelineFixture("exprpolicy")
        try await fixture.sql("CREATE TABLE public.sales (id integer PRIMARY KEY, until date, amount numeric)")
        try await fixture.sql("INSERT INTO public.sales VALUES (1, '2024-01-01', 1), (2, 'infinity', 1)")
        let file = try fixture.configuration(
            """
            collections:
              sales: { from: public.sales, out_of_range: { until: dead_letter }, numeric_overflow: fail }

            """)
        let held = try await fixture.runToEnd(["--until-caught-up"] + file)
        #expect(held.child.exitStatus?.code == 65 && held.log.contains("wherry dead-letters list"))
        #expect(try await fixture.inspector.documents("sales").map { $0["_id"] } == [1])
        try await fixture.sql(
            "UPDATE public.sales SET until = '-infinity' WHERE id = 1; INSERT INTO public.sales VALUES (3)")
        _ = try await fixture.runToEnd(["--until-caught-up"] + file)
        #expect(try await fixture.inspector.documents("sales").map { $0["_id"] } == [1, 3])
        let letters = try await fixture.inspector.documents("dead_letters", on: fixture.stateDatabase)
        #expect(letters.count == 2)
        try await fixture.sql("UPDATE public.sales SET amount = repeat('1', 35)::numeric WHERE id = 3")
        try await fixture.refused(65, "column amount (numeric) of table public.sales holds", arguments: file)
    }
}
