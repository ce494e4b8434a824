import BSON
import DevServers
import Model
import TestSupport
import Testing

/// Databases with another encoding than UTF8.
@Suite(.onServers) struct EncodingTests {
    private static let table = """
        CREATE TABLE public.words (id integer PRIMARY KEY, word text, short varchar(9), several text[])
        """
    /// One byte that begins no character of UTF-8: SQL_ASCII takes it, MongoDB doesn't.
    private static let broken = #"convert_from('\x41ff', 'SQL_ASCII')"#

    /// SQL_ASCII says of no byte what it means. What is UTF-8 is text; what isn't is refused, never changed.
    @Test(arguments: OutputPlugin.allCases) func bytesOfNoEncoding(by plugin: OutputPlugin) async throws {
        let fixture = try await PipelineFixture("ascii", plugin: plugin, encoding: "SQL_ASCII")
        try await fixture.sql(Self.table)
        try await fixture.sql(
            "INSERT INTO public.words VALUES (1, 'grüße 😀', 'ä', '{ö,NULL}'), (2, \(Self.broken), NULL, NULL)")
        // sha256 of "2" and "3".
        try await fixture.refused(65, "column word (text) of table public.words", "(key digest d4735e3a265e16ee)")
        try await fixture.sql("UPDATE public.words SET word = 'mended' WHERE id = 2")
        try await fixture.catchUp()
        try await fixture.sql("INSERT INTO public.words VALUES (3, '', \(Self.broken), NULL), (4, 'ß', '', array['é'])")
        try await fixture.refused(
            65, "column short (character varying) of table public.words", "(key digest 4e07408562bedb8b)")
        let lenient = try fixture.configuration("apply: { on_refused: dead_letter }")
        let held = try await fixture.runToEnd(["--until-caught-up"] + lenient)
        #expect(held.child.exitStatus?.code == 65)
        try await fixture.sql("INSERT INTO public.words VALUES (5, NULL, NULL, array['a', \(Self.broken)])")
        #expect(try await fixture.runToEnd(["--until-caught-up"] + lenient).child.exitStatus?.code == 65)
        let expected: [BSONDocument] = [
            ["_id": 1, "word": "grüße 😀", "short": "ä", "several": ["ö", .null]],
            ["_id": 2, "word": "mended", "short": .null, "several": .null],
            ["_id": 4, "word": "ß", "short": "", "several": ["é"]],
        ]
        #expect(try await documents(fixture) == expected)
        try await fixture.sql("UPDATE public.words SET short = 'well', several = NULL WHERE id IN (3, 5)")
        try await fixture.writeWhatIsHeldBack(lenient)
        #expect(try await documents(fixture).map { $0["short"] } == ["ä", .null, "well", "", "well"])
    }

    /// The server converts, for pgoutput; wal2json sends what is stored.
    @Test func anotherEncoding() async throws {
        let fixture = try await PipelineFixture("latin", encoding: "LATIN1")
        try await fixture.sql(Self.table)
        try await fixture.sql("INSERT INTO public.words VALUES (1, 'grüße', 'ä', '{ö}')")
        try await fixture.catchUp()
        try await fixture.sql("INSERT INTO public.words VALUES (2, 'façade', 'é', '{\"ñ,\"}')")
        try await fixture.catchUp()
        let expected: [BSONDocument] = [
            ["_id": 1, "word": "grüße", "short": "ä", "several": ["ö"]],
            ["_id": 2, "word": "façade", "short": "é", "several": ["ñ,"]],
        ]
        #expect(try await documents(fixture) == expected)
        let other = try await PipelineFixture("latin", plugin: .wal2json, encoding: "LATIN1")
        try await other.sql(Self.table)
        try await other.refused(78, "LATIN1")
    }

    /// As the end of a chunk such a key would stand for another one.
    @Test func keysOfNoEncoding() async throws {
        let fixture = try await PipelineFixture("asciikeys", encoding: "SQL_ASCII")
        try await fixture.sql(
            """
            CREATE TABLE public.words (id text COLLATE "C" PRIMARY KEY);
            INSERT INTO public.words SELECT convert_from(decode('f6' || lpad(to_hex(g), 6, '0'), 'hex') || 'x', 'SQL_ASCII')
            FROM generate_series(x'303030'::int, x'303030'::int + 9) g;
            INSERT INTO public.words SELECT 'a' || g FROM generate_series(1, 10) g;
            """)
        let small = try fixture.configurationWords(BatchSizes(chunkRows: 4))
        let run = try await fixture.runToEnd(["--until-caught-up"] + small)
        #expect(run.child.exitStatus?.code == 65, "\(run.tail)")
        #expect(run.log.contains("public.words") && run.log.contains("UTF-8"))
    }

    private func documents(_ fixture: PipelineFixture) async throws -> [BSONDocument] {
        try await fixture.inspector.documents("words").sorted {
            $0["_id"]?.asInt64 ?? 0 < $1["_id"]?.asInt64 ?? 0
        }
    }
}
