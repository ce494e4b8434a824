import Model
import Postgres
import TestSupport
import Testing

@Suite("What a backfill asks of the source beside its rows", .onServers)
struct ChunkMessageTests {
    /// By the server's own word, with transactions that ended in and out of order, rolled back, or are still open.
    @Test func snapshotsSeeWhatTheServerSees() async throws {
        let fixture = try await ChunkFixture.make("CREATE TABLE t (id int);")
        var random = SeededGenerator(seed: 1)
        var sessions: [PostgresConnection] = []
        for _ in 0..<6 {
            let session = try await fixture.cluster.connection()
            try await session.query("BEGIN")
            sessions.append(session)
        }
        for _ in 0..<40 {
            let session = sessions[Int.random(in: 0..<6, using: &random)]
            if random.chance(60) {
                try await session.query("SAVEPOINT s; INSERT INTO public.t VALUES (1)")
            } else {
                try await session.query(random.chance(70) ? "COMMIT; BEGIN" : "ROLLBACK; BEGIN")
            }
            let snapshot = try await fixture.source.currentSnapshot()
            let last = min(snapshot.xmax + 3, snapshot.xmin + 300)
            let answer = try await fixture.connection.query(
                """
                SELECT x, pg_visible_in_snapshot(x::text::xid8, '\(snapshot)'::pg_snapshot)
                  FROM generate_series(\(snapshot.xmin - 3), \(last)) x
                """)
            for row in answer.rows {
                let xid = try #require(row[0].flatMap { UInt64($0) })
                #expect(snapshot.sees(xid) == (row[1] == "t"), "\(xid) in \(snapshot)")
                #expect(snapshot.widen(UInt32(truncatingIfNeeded: xid)) == xid)
            }
        }
        for session in sessions { await session.close() }
        await fixture.close()
    }

    /// A chunk's snapshot doesn't see what is open beside it, and its rows are those of before.
    @Test func aChunkIsReadUnderItsSnapshot() async throws {
        let fixture = try await ChunkFixture.make("CREATE TABLE t (id int PRIMARY KEY); INSERT INTO t VALUES (1);")
        let table = try await fixture.table()
        let reader = try await fixture.source.openChunkReader()
        try await fixture.connection.query("BEGIN")
        try await fixture.connection.query("INSERT INTO public.t VALUES (2)")
        let open = try #require(
            try await fixture.connection.query("SELECT txid_current()").scalar.flatMap { UInt64($0) })
        let first = try await reader.start(table.version, key: table.key, range: KeyRange(), limit: 9, where: nil)
        try await fixture.connection.query("COMMIT")
        #expect(!first.snapshot.sees(open))
        #expect(try await fixture.rest(reader) == [["1"]])
        let second = try await reader.start(table.version, key: table.key, keys: [["2"]])
        #expect(second.snapshot.sees(open))
        #expect(try await fixture.rest(reader) == [["2"]])
        await reader.close()
        await fixture.close()
    }

    @Test func tokensComeInTheStream() async throws {
        let cluster = try await TestCluster.make("CREATE TABLE t (id int PRIMARY KEY);")
        let stream = try await cluster.stream("t")
        let position = try await stream.source.emit(token: "chunk 'é' 1")
        try await cluster.psql("INSERT INTO t VALUES (1);")
        _ = try await stream.transaction()
        #expect(stream.messages.map(\.prefix) == ["wherry"])
        #expect(stream.messages.map(\.isTransactional) == [true])
        #expect(stream.messages.map { String(decoding: $0.content, as: UTF8.self) } == ["chunk 'é' 1"])
        #expect(stream.messages.map(\.lsn) == [position])
        await stream.close()
    }

    @Test func transactionIDsGrow() async throws {
        let fixture = try await ChunkFixture.make("")
        let before = try await fixture.source.currentSnapshot()
        let xid = try await fixture.source.assignTransactionID()
        #expect(!before.sees(xid))
        #expect(try await fixture.source.assignTransactionID() > xid)
        #expect(try await fixture.source.currentSnapshot().sees(xid))
        await fixture.close()
    }
}
