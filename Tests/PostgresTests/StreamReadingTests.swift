import DevServers
import Model
import Postgres
import TestSupport
import Testing

/// How much of the stream is read at once.
struct StreamReadingTests {
    /// Over TCP, as a Unix socket wakes its reader at every byte.
    @Test func aPatientReaderLeavesLittleWhereItIs() async throws {
        let cluster = try await TestCluster.make("CREATE TABLE t (id int PRIMARY KEY, x text);")
        let stream = try await cluster.stream("t")
        let changes = stream.stream
        // What comes at the start: keepalives.
        while try await !changes.receive(maxBytes: 1 << 20, isPatient: false, until: .now + .seconds(1)).isEmpty {}
        func insert(_ ids: ClosedRange<Int>, bytes: Int) async throws {
            try await cluster.psql(
                "INSERT INTO t SELECT g, repeat('x', \(bytes)) FROM generate_series(\(ids.lowerBound), \(ids.upperBound)) g"
            )
        }

        try await insert(1...1, bytes: 10)
        let begun = ContinuousClock.now
        let late = try await changes.receive(maxBytes: 1 << 20, isPatient: true, until: begun + .seconds(2))
        // Little is worth no wakeup, but the deadline brings it.
        let waited = ContinuousClock.now - begun
        #expect(waited >= .seconds(2))
        #expect(!late.isEmpty)

        try await insert(2...2, bytes: 10)
        let waiting = Task {
            try await changes.receive(maxBytes: 1 << 20, isPatient: true, until: .now + .seconds(600))
        }
        // Whoever wants it gets it: before, while, or after the reader begins to wait.
        changes.hurry()
        var hurried = try await promptly { try await waiting.value }
        while hurried.isEmpty {
            hurried = try await changes.receive(maxBytes: 1 << 20, isPatient: false, until: .now + .seconds(10))
        }
        #expect(!hurried.isEmpty)

        // Much is worth it.
        try await insert(3...300, bytes: 1000)
        let much = try await promptly {
            try await changes.receive(maxBytes: 1 << 20, isPatient: true, until: .now + .seconds(600))
        }
        #expect(much.count > 50)
        await stream.close()
    }

    /// A read brings one message only there, and another one may be waiting behind it all the same.
    @Test func aSocketIsEmptiedOverTLS() async throws {
        let server = try await PostgresServer.start(directory: SharedServers.directory(uniqueName("tls")))
        let cluster = try await TestCluster.make("CREATE TABLE t (id int PRIMARY KEY, x text);", on: server)
        // In the server's own folder, and as its user.
        try await cluster.psql(
            """
            COPY (SELECT) TO PROGRAM 'openssl req -new -x509 -nodes -days 2 -subj /CN=localhost \
            -keyout server.key -out server.crt 2>/dev/null && chmod 600 server.key'
            """)
        try await cluster.psql("ALTER SYSTEM SET ssl = on")
        try await cluster.psql("SELECT pg_reload_conf()")
        try await eventually("the server has TLS") { try await cluster.psql("SHOW ssl").contains("on") }
        let source = try cluster.source(uri: cluster.uri + "?sslmode=require")
        try await source.ensurePublication(tables: [TableName(schema: "public", name: "t")])
        let snapshot = try await source.createSlot(timeout: .seconds(60))
        let changes = try await source.open(after: snapshot.consistentPoint)
        try await cluster.psql("INSERT INTO t SELECT g, 'x' FROM generate_series(1, 2000) g")
        var (frames, reads) = (0, 0)
        while frames < 2000 {
            let read = try await changes.receive(maxBytes: 1 << 20, isPatient: true, until: .now + .seconds(1))
            frames += read.count { if case .data = $0 { true } else { false } }
            reads += read.isEmpty ? 0 : 1
        }
        #expect(reads < 100)
        await changes.close()
        await source.close()
        try await server.remove()
    }
}
