import BSON
import DevServers
import TestSupport
import Testing

/// Chunks and batches of rows that are nearly as large as documents may be.
@Suite(.onBusyServers) struct WideRowTests {
    @Test(arguments: OddTableTests.modes) func rowsOfTenMegabytes(_ mode: String) async throws {
        let fixture = try await PipelineFixture("oddwide")
        try await fixture.sql(
            """
            CREATE TABLE public.wide (id integer PRIMARY KEY, n integer, body text) WITH (autovacuum_enabled = off);
            ALTER TABLE public.wide ALTER COLUMN body SET STORAGE EXTERNAL;
            INSERT INTO public.wide SELECT g, g, 'narrow' FROM generate_series(1, 2000) g;
            INSERT INTO public.wide SELECT g, g, repeat(md5(g::text), 327680) FROM generate_series(2001, 2015) g;
            """)
        let wherry = try fixture.wherry(limits: BatchSizes(backfill: mode))
        try await fixture.waitUntil("the rows are there", wherry) { try await fixture.inspector.count("wide") == 2015 }
        try await fixture.waitUntilCaughtUp(wherry)
        let peak = try #require(wherry.peakResidentBytes)
        print("peak memory with rows of 10 MB, \(mode): \(peak >> 20) MiB")
        #expect(peak < 256 << 20)
        #expect(try await wherry.terminate().code == 0)
        let documents = try await fixture.inspector.documents("wide", projection: ["n": 1])
        #expect(documents.compactMap { $0["n"]?.asInt }.sorted() == Array(1...2015))
        let body = try await fixture.inspector.document("wide", 2015)?["body"]?.asString
        #expect(body?.utf8.count == 10_485_760)
    }
}
