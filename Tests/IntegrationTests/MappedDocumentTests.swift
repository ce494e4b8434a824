import BSON
import DevServers
import Foundation
import Model
import Postgres
import TestSupport
import Testing

/// What the file says a row becomes, through copy and stream.
@Suite(.onServers) struct MappedDocumentTests {
    private func configure(_ fixture: PipelineFixture, _ orders: String) throws -> [String] {
        let file = "\(fixture.folder)/\(uniqueName("mapping")).yaml"
        let text = """
            mask_salt: 0123456789abcdef
            collections:
              orders: { from: public.orders, \(orders) }

            """
        try Data(text.utf8).write(to: URL(fileURLWithPath: file))
        return ["--config", file]
    }

    private let mapping = """
        id: "o/${tenant_id}:${order_no}", case: camel, nulls: omit, drop: [secret],
            rename: { ship_city: shipping.city, ship_note: shipping.inner.note, "a.b": ab },
            type: { total: string }, mask: { email: sha256, phone: last4 }, timestamp: iso
        """

    private let table = """
        CREATE TABLE public.orders (tenant_id integer, order_no text, ship_city text, ship_note text, total numeric,
            email text, phone text, secret text, placed_at timestamptz, "a.b" text, big_text text,
            PRIMARY KEY (tenant_id, order_no));
        ALTER TABLE public.orders ALTER big_text SET STORAGE EXTERNAL, ALTER secret SET STORAGE EXTERNAL,
            ALTER ship_note SET STORAGE EXTERNAL;
        """

    /// The document of a row, from what PostgreSQL says of it.
    private let rows = """
        SELECT 'o/' || tenant_id || ':' || order_no, ship_city, ship_note, total::text,
            encode(sha256(convert_to('0123456789abcdef' || email, 'UTF8')), 'hex'),
            CASE WHEN length(phone) > 4 THEN repeat('*', length(phone) - 4) || right(phone, 4)
                ELSE repeat('*', length(phone)) END,
            to_char(placed_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'), "a.b", big_text
        FROM public.orders ORDER BY tenant_id, order_no
        """

    private func expected(_ fixture: PipelineFixture) async throws -> [BSONDocument] {
        try await fixture.sql(rows).rows.map { cells in
            var inner: [(String, BSONValue)] = []
            if let city = cells[1] { inner.append(("city", .string(city))) }
            if let note = cells[2] { inner.append(("inner", ["note": .string(note)])) }
            var fields: [(String, BSONValue)] = [("_id", .string(cells[0]!))]
            if !inner.isEmpty { fields.append(("shipping", .document(BSONDocument(inner)))) }
            for (name, cell) in zip(["total", "email", "phone", "placedAt", "ab", "bigText"], cells[3...]) {
                if let cell { fields.append((name, .string(cell))) }
            }
            return BSONDocument(fields)
        }
    }

    @Test(arguments: OutputPlugin.allCases) func rowsBecomeWhatTheFileSays(by plugin: OutputPlugin) async throws {
        let fixture = try await PipelineFixture("mapped", plugin: plugin)
        try await fixture.sql(table)
        let big = "repeat('x', 9000)"
        try await fixture.sql(
            """
            INSERT INTO public.orders SELECT n % 3, 'A:' || n, CASE WHEN n % 2 = 0 THEN 'Kiel' END,
                CASE WHEN n % 5 = 0 THEN \(big) END, n / 4.0, 'u' || n || '@x.de', '+49 40 ' || n, \(big),
                '2024-01-01'::timestamptz + n * interval '1 second 7 microseconds', 'ab', CASE WHEN n % 4 > 0 THEN \(big) END
            FROM generate_series(1, 60) n
            """)
        let file = try configure(fixture, mapping)
        try await fixture.catchUp(arguments: file)
        try await compare(fixture)
        // In parts, to values and to NULL, keys too.
        try await fixture.sql(
            """
            UPDATE public.orders SET total = NULL, ship_city = CASE WHEN ship_city IS NULL THEN 'Jena' END WHERE tenant_id = 0;
            UPDATE public.orders SET order_no = order_no || 'x', phone = '1' WHERE tenant_id = 1;
            UPDATE public.orders SET ship_note = NULL, email = NULL WHERE tenant_id = 2;
            DELETE FROM public.orders WHERE order_no LIKE 'A:7%';
            INSERT INTO public.orders (tenant_id, order_no) VALUES (9, E'\\u0301:');
            """)
        try await fixture.sql(
            "UPDATE public.orders SET total = 7; UPDATE public.orders SET \"a.b\" = NULL WHERE tenant_id = 2")
        try await fixture.catchUp(arguments: file)
        try await compare(fixture)
    }

    private func compare(_ fixture: PipelineFixture) async throws {
        let found = try await fixture.inspector.documents("orders")
        let expected = try await expected(fixture)
        #expect(found.count == expected.count)
        for document in expected {
            let other = found.first { $0["_id"] == document["_id"] }
            #expect(other == document, "\("\(other, default: "-")".prefix(400)) != \("\(document)".prefix(400))")
        }
    }

    @Test func anotherMappingIsRefusedUntilItIsAccepted() async throws {
        let fixture = try await PipelineFixture("remapped")
        try await fixture.sql(
            "CREATE TABLE public.orders (id integer PRIMARY KEY, a_b text); INSERT INTO public.orders VALUES (1, 'x'), (2, 'y')"
        )
        try await fixture.catchUp(arguments: try configure(fixture, "nulls: \"null\""))
        let camel = try configure(fixture, "case: camel")
        try await fixture.refused(78, "the mapping of table public.orders is not the one", arguments: camel)
        let check = try fixture.command(["check"] + fixture.connectionWords + camel)
        try await check.end()
        #expect(check.child.exitStatus?.code == 78 && check.output.contains("the mapping of table public.orders"))

        try await fixture.sql("UPDATE public.orders SET a_b = 'z' WHERE id = 1")
        try await fixture.catchUp(arguments: camel + ["--accept-mapping-change"])
        #expect(try await fixture.inspector.documents("orders") == [["_id": 1, "aB": "z"], ["_id": 2, "aB": "y"]])
        try await fixture.catchUp(arguments: camel)

        let nested = try configure(fixture, "rename: { a_b: \"in.b\" }")
        let asked = try fixture.command(["backfill", "public.orders"] + fixture.connectionWords + nested)
        try await fixture.refusal(of: asked, 78, "the mapping of table public.orders is not the one")
        // What the table can't have, and another _id, are refused before anything is stored.
        for (words, message) in [
            ("drop: [c]", "names column c, which table public.orders doesn't have"),
            ("id: wrapped", "the key of table public.orders has changed its type"),
        ] {
            let wrong = try configure(fixture, words) + ["--accept-mapping-change"]
            try await fixture.refused(78, message, arguments: wrong)
        }
        try await fixture.catchUp(arguments: camel)
        try await fixture.catchUp(arguments: nested + ["--accept-mapping-change"])
        #expect(
            try await fixture.inspector.documents("orders") == [
                ["_id": 1, "in": ["b": "z"]], ["_id": 2, "in": ["b": "y"]],
            ])
    }

    /// The stream may still bring rows of before: nothing that is masked shows under its old name.
    @Test func aMaskedColumnThatIsRenamed() async throws {
        let fixture = try await PipelineFixture("maskren")
        try await fixture.sql(
            "CREATE TABLE public.orders (id integer PRIMARY KEY, email text, b text); INSERT INTO public.orders VALUES (1, 'x')"
        )
        let before = try configure(fixture, "mask: { email: redact }")
        try await fixture.catchUp(arguments: before)
        try await fixture.sql("INSERT INTO public.orders VALUES (2, 'y', 'b')")
        try await fixture.sql("ALTER TABLE public.orders RENAME email TO mail")
        try await fixture.sql("INSERT INTO public.orders VALUES (3, 'z', 'b')")
        try await fixture.refused(78, "'mask' of collection orders names column email", arguments: before)
        let after = try configure(fixture, "mask: { mail: redact }")
        try await fixture.catchUp(arguments: after + ["--accept-mapping-change"])
        #expect(
            try await fixture.inspector.documents("orders") == [
                ["_id": 1, "mail": "redacted", "b": nil], ["_id": 2, "mail": "redacted", "b": "b"],
                ["_id": 3, "mail": "redacted", "b": "b"],
            ])
    }
}
