import BSON
import DevServers
import Model
import Postgres
import TestSupport
import Testing

/// pgvector, on a server that has it; it is of a later version than the others.
@Suite(.onServers) struct VectorTests {
    private static let rows = 100

    @Test func vectorsAreArrays() async throws {
        var options = PostgresServer.Options()
        options.binaries = PostgresServer.binariesWithVectors
        let server = try await PostgresServer.start(
            directory: SharedServers.directory(uniqueName("vector")), options: options)
        do { try await compareAll(PipelineFixture("vector", postgres: server)) } catch {
            try? await server.remove()
            throw error
        }
        try await server.remove()
    }

    private func compareAll(_ fixture: PipelineFixture) async throws {
        let vector = OracleJSON.vector
        for statement in vector.setUp { try await fixture.sql(statement) }
        let edges = vector.edges.map { "(\($0)::public.vector)" }.joined(separator: ", ")
        try await fixture.sql(
            """
            CREATE TABLE public.read (
                id serial PRIMARY KEY, x public.vector, fixed public.vector(2), several public.vector[]);
            CREATE TABLE public.streamed (LIKE public.read INCLUDING ALL);
            CREATE TABLE public.texts (LIKE public.read INCLUDING ALL);
            INSERT INTO public.read (x) VALUES \(edges);
            INSERT INTO public.read (x, fixed, several)
            SELECT \(vector.random), '[1,2]', array[NULL, '[0.5]'::public.vector] FROM generate_series(1, \(Self.rows)) g
            """)
        try await fixture.catchUp()
        try await fixture.sql("INSERT INTO public.streamed SELECT * FROM public.read")
        let binary = try await fixture.catchUp()
        #expect(!binary.log.contains("streamed as text"))
        try await fixture.sql("CREATE TABLE public.priced (id integer PRIMARY KEY, price money)")
        try await fixture.sql("INSERT INTO public.texts SELECT * FROM public.read")
        let run = try await fixture.catchUp()
        #expect(run.log.contains("values are streamed as text"))
        let read = try await documents("read", fixture)
        #expect(read.count == Self.rows + vector.edges.count)
        #expect(try await documents("streamed", fixture) == read)
        #expect(try await documents("texts", fixture) == read)
        #expect(read["50"]?["fixed"] == [.double(1), .double(2)] && read["50"]?["several"] == [.null, [.double(0.5)]])
        let connection = try await PostgresConnection.open(fixture.sourceURI)
        let verdict = OracleVerdict(connection: connection, relation: "(SELECT id AS n, x FROM public.read) oracle")
        let values = read.compactMapValues { $0["x"] }
        #expect(try await verdict.wrong(vector, values) == [])
        await connection.close()
    }

    /// By the text of their keys.
    private func documents(_ collection: String, _ fixture: PipelineFixture) async throws -> [String: BSONDocument] {
        let documents = try await fixture.inspector.documents(collection)
        return Dictionary(uniqueKeysWithValues: documents.map { ("\($0["_id"]?.asInt64 ?? 0)", $0) })
    }
}
