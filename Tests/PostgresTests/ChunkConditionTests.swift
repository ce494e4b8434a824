import Model
import Postgres
import TestSupport
import Testing

@Suite("Chunks under a condition of the operator's", .onServers)
struct ChunkConditionTests {
    private static let numbers = """
        CREATE TABLE t (id int PRIMARY KEY, note text);
        INSERT INTO t SELECT n, 'n' || n FROM generate_series(1, 1000) n;
        """

    /// The limit counts the table's rows, not those that fit.
    @Test(arguments: [
        "id % 7 = 0", "id % 7 = 0 -- every seventh", "id % 7 = 0 /* so */", "t.id % 7 = 0", "false OR (id % 7) = 0",
        "note ~ '.' AND id IN (SELECT 7 * m FROM generate_series(1, 200) m)", "CASE WHEN id % 7 = 0 THEN true END",
    ])
    func filters(_ condition: String) async throws {
        let fixture = try await ChunkFixture.make(Self.numbers)
        let table = try await fixture.table()
        let reader = try await fixture.source.openChunkReader()
        let ranges = try await fixture.source.planSegments(table.version, key: table.key, where: condition)
        #expect(ranges == [KeyRange()])
        let start = try await reader.start(
            table.version, key: table.key, range: KeyRange(after: ["10"]), limit: 50, where: condition)
        #expect(start.end == ["60"])
        #expect(
            try await fixture.rest(reader).map { $0[0] }.sorted { $0! < $1! } == [
                "14", "21", "28", "35", "42", "49", "56",
            ])
        let rows = try await fixture.walk(reader, table, where: condition) { 64 }
        #expect(inOrder(rows) == inOrder(try await fixture.select(table, where: "id % 7 = 0")))
        await reader.close()
        await fixture.close()
    }

    @Test(arguments: [
        "", " ", "--", "nothing = 1", "id", "id = 'x'", "id = 1)", "(id = 1", "true) OR (true",
        "true); DROP TABLE t; --",
        "true; DROP TABLE t", "true; COMMIT; DROP TABLE t", "true ORDER BY 1", "true LIMIT 1", "true UNION SELECT 1",
        "true /*", "note = 'x", "note = $$x", "note = E'\\", "id = $1", "true FOR UPDATE", "SELECT true", "true, true",
        "true\n) TO STDOUT; DROP TABLE t; --", "count(*) > 1", "id = ANY(ARRAY[1]) \\", "true THEN true END",
        "\"id = 1", "public.t", "EXISTS (DELETE FROM t)", "true)) TO PROGRAM 'true' --", "true -- \n) OR (true",
    ])
    func isRefused(_ condition: String) async throws {
        let fixture = try await ChunkFixture.make(Self.numbers)
        let table = try await fixture.table()
        let reader = try await fixture.source.openChunkReader()
        let reading = await #expect(throws: Failure.self) {
            try await reader.start(
                table.version, key: table.key, range: KeyRange(through: ["5"]), limit: 50, where: condition)
        }
        #expect(reading?.kind == .usage)
        #expect(reading?.hint != nil)
        let planning = await #expect(throws: Failure.self) {
            try await fixture.source.planSegments(table.version, key: table.key, where: condition)
        }
        #expect(planning?.kind == .usage)
        #expect(try await fixture.walk(reader, table) { 500 }.count == 1000)
        await reader.close()
        await fixture.close()
    }

    @Test func theServersWordsAreShown() async throws {
        let fixture = try await ChunkFixture.make(Self.numbers)
        let table = try await fixture.table()
        let failure = await #expect(throws: Failure.self) {
            try await fixture.source.planSegments(table.version, key: table.key, where: "nothing = 1")
        }
        #expect(failure?.message.contains("column \"nothing\" does not exist") == true)
        await fixture.close()
    }

    /// Only a row shows it; its value stays out of the message.
    @Test func failsOnARow() async throws {
        let fixture = try await ChunkFixture.make(Self.numbers)
        let table = try await fixture.table()
        let reader = try await fixture.source.openChunkReader()
        let failure = await #expect(throws: Failure.self) {
            _ = try await fixture.walk(reader, table, where: "note::int = 1") { 500 }
        }
        #expect(failure?.kind == .usage)
        #expect(failure?.description.contains("n1") == false)
        #expect(try await fixture.walk(reader, table) { 500 }.count == 1000)
        await reader.close()
        await fixture.close()
    }

    @Test func canNotWrite() async throws {
        let fixture = try await ChunkFixture.make(
            Self.numbers + """
                CREATE FUNCTION public.erase() RETURNS boolean LANGUAGE plpgsql AS
                $$ BEGIN DELETE FROM public.t; RETURN true; END $$;
                """)
        let table = try await fixture.table()
        let reader = try await fixture.source.openChunkReader()
        await #expect(throws: Failure.self) {
            _ = try await fixture.walk(reader, table, where: "public.erase()") { 500 }
        }
        #expect(try await fixture.walk(reader, table) { 500 }.count == 1000)
        await reader.close()
        await fixture.close()
    }
}
