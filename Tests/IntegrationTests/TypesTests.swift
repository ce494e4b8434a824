import BSON
import DevServers
import Model
import TestSupport
import Testing

/// One row, whichever way it comes: read by a backfill, streamed in binary, streamed as text, streamed by wal2json.
@Suite(.onServers) struct TypesTests {
    /// A type and random values of it: an expression over `g` (1, 2, 3, …).
    private struct Kind {
        let type: String
        let value: String

        init(_ type: String, _ value: String) {
            self.type = type
            self.value = value
        }
    }

    private static let kinds: [Kind] = [
        Kind("smallint", "g"), Kind("bigint", "(random() * 9e18)::bigint"), Kind("oid", "(g * 10000000)::oid"),
        Kind("numeric", "random()::numeric * power(10::numeric, g % 60)"), Kind("real", "random() * 10 ^ (g % 30)"),
        Kind("double precision", "(random() - 0.5) * 10 ^ (g % 300)"), Kind("boolean", "g % 2 = 0"),
        Kind("text", "chr(34) || chr(92) || E'\\n,(){}' || g || '😀'"), Kind("varchar(9)", "'v' || g"),
        Kind("char(9)", "'c' || g"), Kind("name", "'n' || g"), Kind("\"char\"", "chr(60 + g % 60)::\"char\""),
        Kind("bytea", "decode(md5(g::text), 'hex')"), Kind("uuid", "md5(g::text)::uuid"),
        Kind("date", "date '0001-01-01' + g * 3000"),
        Kind("timestamp", "timestamp '1500-01-01' + g * interval '1 year 1 microsecond'"),
        Kind("timestamptz", "timestamptz '1500-01-01' + g * interval '1 year 1 microsecond'"),
        Kind("time", "time '00:00' + random() * interval '1 day'"),
        Kind("timetz", "timetz '12:00+05:30' + g * interval '1 second'"),
        Kind("interval", "make_interval(g % 9 - 4, -g, 0, g, secs => random() * 1e6)"),
        Kind("json", "json_build_object('a', g, 'b', array[1.5, null])"),
        Kind("jsonb", "jsonb_build_object('a.b', random()::numeric * power(10::numeric, g % 50), '$c', 'é')"),
        Kind("inet", "'10.0.0.0/8'::inet + g"), Kind("cidr", "'10.0.0.0/8'::cidr"),
        Kind("macaddr", "left(md5(g::text), 12)::macaddr"),
        Kind("macaddr8", "left(md5(g::text), 16)::macaddr8"), Kind("bit(3)", "(g % 8)::bit(3)"),
        Kind("varbit", "g::bit(12)"),
        Kind("xid", "g::text::xid"), Kind("xid8", "g::text::xid8"), Kind("pg_lsn", "'0/0'::pg_lsn + g"),
        Kind("point", "point(random() * 1e17, -g)"), Kind("line", "line(point(0, g), point(1, random()))"),
        Kind("lseg", "lseg(point(g, random()), point(1e20, random()))"),
        Kind("box", "box(point(g, 1), point(random(), 2))"),
        Kind("path", "('[(1,' || g || '),(2,3)]')::path"),
        Kind("polygon", "polygon(box(point(g, 1), point(random(), 2)))"),
        Kind("circle", "circle(point(g, 1), random())"), Kind("tsvector", "to_tsvector('simple', 'it''s \"a\" ' || g)"),
        Kind("tsquery", "('a & !(b <-> ' || g || ') | c:*B')::tsquery"),
        Kind("jsonpath", "('$.a[' || g || ']')::jsonpath"),
        Kind("xml", "('<?xml version=\"1.0\"?><a b=\"' || g || '\">é</a>')::xml"),
        Kind("pg_snapshot", "(g || ':' || g + 2 || ':' || g)::pg_snapshot"),
        Kind("int4range", "int4range(g, g + 9)"), Kind("tstzrange", "tstzrange('2000-01-01', null)"),
        Kind("nummultirange", "nummultirange(numrange(g, g + 1), numrange(g + 2, null))"),
        Kind("mood", "(array['fine', 'so so'])[1 + g % 2]::mood"),
        Kind("price", "g / 8.0"), Kind("pair", "ROW(g, chr(34) || ',' || g)::pair"),
        Kind("hstore", "hstore(array['a', g::text], array[null, 'b \"'])"),
        Kind("ltree", "('a.b' || g)::ltree"), Kind("citext", "'Gr' || g"),
        Kind("geometry", "st_setsrid(st_makepoint(g, random(), 3), 3857)"),
        Kind("geography", "st_makeline(st_makepoint(g % 90, 1), st_makepoint(2, random()))::geography"),
        Kind("int[]", "array[[g, null], [1, 2]]"),
        Kind("text[]", "array[null, 'NULL', chr(34) || '{,}' || g]"),
        Kind("pair[]", "array[ROW(g, null), null]::pair[]"),
        Kind("int4range[]", "array[int4range(1, g + 2), 'empty']"), Kind("timestamptz[]", "array[now(), null]"),
        Kind("numeric[]", "array[random()::numeric, 'NaN']"), Kind("jsonb[]", "array[jsonb_build_array(g, '\"')]"),
    ]

    @Test func areTheSameOnEveryWay() async throws {
        let fixture = try await PipelineFixture("types")
        let columns = Self.kinds.enumerated().map { "c\($0) \($1.type)" }.joined(separator: ", ")
        let values = Self.kinds.map { "CASE WHEN g % 17 <> 0 THEN \($0.value) END" }.joined(separator: ",\n")
        try await fixture.sql(
            """
            CREATE SCHEMA gis; CREATE EXTENSION postgis SCHEMA gis;
            SET LOCAL search_path = public, gis;
            CREATE EXTENSION hstore; CREATE EXTENSION ltree; CREATE EXTENSION citext;
            CREATE TYPE mood AS ENUM ('fine', 'so so'); CREATE DOMAIN price AS numeric(12, 3);
            CREATE TYPE pair AS (a int, b text);
            CREATE TABLE public.copied (id integer PRIMARY KEY, \(columns));
            CREATE TABLE public.streamed (LIKE public.copied INCLUDING ALL);
            CREATE TABLE public.texts (LIKE public.copied INCLUDING ALL);
            """)
        try await fixture.sql(
            "SET LOCAL search_path = public, gis; INSERT INTO copied SELECT g, \(values) FROM generate_series(1, 200) g"
        )
        try await fixture.catchUp()
        try await fixture.sql("INSERT INTO public.streamed SELECT * FROM public.copied")
        try await fixture.catchUp()
        // A type that can only come as text makes all come as text.
        try await fixture.sql("ALTER TABLE public.streamed ADD price_of_all money")
        try await fixture.sql("UPDATE public.streamed SET price_of_all = 1 WHERE id = 1")
        let run = try await fixture.catchUp()
        #expect(run.log.contains("values are streamed as text"))
        try await fixture.sql("INSERT INTO public.texts SELECT * FROM public.copied")
        try await fixture.catchUp()
        let copied = try await fixture.inspector.documents("copied")
        try #require(copied.count == 200)
        let streamed = try await fixture.inspector.documents("streamed")
        let texts = try await fixture.inspector.documents("texts")
        #expect(different(texts, copied) == [])
        // The new column is in the other rows' documents too, and else nothing has changed.
        #expect(streamed.allSatisfy { $0["price_of_all"] == ($0["_id"] == 1 ? "$1.00" : .null) })
        let before = streamed.map { BSONDocument($0.elements.filter { $0.name != "price_of_all" }) }
        #expect(different(before, copied) == [])
        let lines = try await byWal2JSON(fixture)
        #expect(different(lines, copied) == [])
    }

    /// The same rows once more, by a second pipeline of the same database.
    private func byWal2JSON(_ fixture: PipelineFixture) async throws -> [BSONDocument] {
        let target = "\(fixture.name)_json"
        let words =
            [
                "run", "--until-caught-up", "--source", fixture.sourceURI, "--target",
                fixture.mongo.uri(database: target), "--pipeline", target, "--state-database", fixture.stateDatabase,
                "--log-format", "json",
            ] + (try fixture.configurationWords(BatchSizes(plugin: .wal2json)))
        func catchUp() async throws {
            let run = try fixture.command(words)
            try await run.end(within: .seconds(180))
            guard run.child.exitStatus?.code == 0 else { throw TestFailure("wherry failed: \(run.tail)") }
        }
        try await fixture.sql("CREATE TABLE public.lines (LIKE public.copied INCLUDING ALL)")
        try await catchUp()
        try await fixture.sql("INSERT INTO public.lines SELECT * FROM public.copied")
        try await catchUp()
        let documents = try await fixture.inspector.documents("lines", on: target)
        try await fixture.inspector.command(["dropDatabase": 1], on: target)
        return documents
    }

    /// The types whose columns differ in any document.
    private func different(_ documents: [BSONDocument], _ others: [BSONDocument]) -> Set<String> {
        var types: Set<String> = documents.count == others.count ? [] : ["\(documents.count) documents"]
        for (document, other) in zip(documents, others) where document != other {
            for (index, kind) in Self.kinds.enumerated() where document["c\(index)"] != other["c\(index)"] {
                types.insert(kind.type)
            }
            if types.isEmpty { types.insert("the order of fields") }
        }
        return types
    }
}
