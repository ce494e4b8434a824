import BSON
import Foundation
import Model
import Postgres

/// An application in the phase of writing both databases itself: each session commits a change in PostgreSQL, and then
/// writes the document it makes straight into MongoDB, by plain writes, through a libmongoc connection of its own.
///
/// Sessions have keys of their own, so that what an application writes never goes back by its own doing. Only keys that
/// end in 9 are deleted or changed, and none is used again.
package struct DualWriter: Sendable {
    private let fixture: PipelineFixture
    private let rows: Int
    private let seed: UInt64

    private static let sessions = 4

    /// Documents that are never deleted: those whose last write can be watched.
    package static let keptKeys: BSONDocument = ["_id": ["$not": ["$mod": [10, 9]]]]

    package init(_ fixture: PipelineFixture, rows: Int, seed: UInt64) {
        self.fixture = fixture
        self.rows = rows
        self.seed = seed
    }

    /// Makes `items`, with `rows` rows and large values in every fourth; without the column that says when.
    package func createTable() async throws {
        try await fixture.sql(
            """
            CREATE SEQUENCE public.versions;
            CREATE TABLE public.items (id bigint PRIMARY KEY, version bigint NOT NULL, note text, payload text);
            ALTER TABLE public.items ALTER COLUMN payload SET STORAGE EXTERNAL;
            INSERT INTO public.items SELECT g, nextval('public.versions'), 'item ' || g,
                CASE WHEN g % 4 = 0 THEN repeat(md5(g::text), 100) END FROM generate_series(1, \(rows)) g;
            """)
    }

    /// Works while `body` runs; then every session finishes its change in both databases.
    package func working<Result>(during body: () async throws -> Result) async throws -> Result {
        try await inSessions(DualWriter.sessions, { try await self.work($0) }, during: body)
    }

    private func work(_ number: Int) async throws {
        var session = DualWriterSession(
            number, of: DualWriter.sessions, rows: rows, seed: seed, source: try await fixture.connect(),
            target: try MongoInspector(uri: fixture.targetURI))
        while !Task.isCancelled {
            // In a task of its own: the end of the test doesn't cancel a change half-way.
            session = try await Task { [session] in
                var session = session
                try await session.change()
                return session
            }.value
            try? await Task.sleep(for: .milliseconds(10))
        }
    }
}

/// One session of a `DualWriter`.
struct DualWriterSession: Sendable {
    private let source: PostgresConnection
    private let target: MongoInspector
    private var generator: SeededGenerator
    /// Changed again and again.
    private let kept: [Int64]
    private var others: [Int64]
    private var nextKey: Int64
    private let step: Int64

    init(
        _ number: Int, of sessions: Int, rows: Int, seed: UInt64, source: PostgresConnection, target: MongoInspector
    ) {
        self.source = source
        self.target = target
        generator = SeededGenerator(seed: seed &+ UInt64(number) &* 7919)
        let own = (1...Int64(rows)).filter { Int($0 / 10) % sessions == number }
        kept = own.filter { $0 % 10 != 9 }
        others = own.filter { $0 % 10 == 9 }
        nextKey = 1_000_009 + 10 * Int64(number)
        step = 10 * Int64(sessions)
    }

    /// One change of one row, in both databases.
    mutating func change() async throws {
        switch Int.random(in: 0..<100, using: &generator) {
        case 0..<60: try await update("note = 'note \(number())'")
        case 60..<75: try await update("payload = repeat(md5('\(number())'), 100)")
        case 75..<85:
            try await write("INSERT INTO public.items VALUES (\(newKey()), nextval('public.versions'), 'new')")
        case 85..<93:
            guard let key = takeKey() else { return }
            try await write("DELETE FROM public.items WHERE id = \(key)", deleting: key)
        default:
            guard let key = takeKey() else { return }
            try await write("UPDATE public.items SET id = \(newKey()), note = 'moved' WHERE id = \(key)", deleting: key)
        }
    }

    private mutating func update(_ assignment: String) async throws {
        // Half of the work is on the same few rows.
        let range = generator.chance(50) ? 0..<min(20, kept.count) : kept.indices
        guard let key = kept[range].randomElement(using: &generator) else { return }
        try await write(
            "UPDATE public.items SET version = nextval('public.versions'), \(assignment) WHERE id = \(key)")
    }

    private func write(_ statement: String, deleting deleted: Int64? = nil) async throws {
        let returning = "RETURNING id, version, note, payload, floor(extract(epoch FROM updated_at) * 1000)::bigint"
        let rows = try await source.query("\(statement) \(returning)", doing: "write as an application").rows
        if let deleted {
            try await target.command(["delete": "items", "deletes": [["q": ["_id": .int64(deleted)], "limit": 1]]])
        }
        if statement.hasPrefix("DELETE") { return }
        for row in rows {
            guard let id = row[0].flatMap({ Int64($0) }), let version = row[1].flatMap({ Int64($0) }),
                let moment = row[4].flatMap({ Int64($0) })
            else { throw TestFailure("a row without its values") }
            try await put(
                [
                    "_id": .int64(id), "version": .int64(version), "note": row[2].map { .string($0) } ?? .null,
                    "payload": row[3].map { .string($0) } ?? .null, "updated_at": .date(moment),
                ])
        }
    }

    private func put(_ document: BSONDocument) async throws {
        let update: BSONValue = [
            "q": ["_id": document["_id"] ?? .null], "u": .document(document), "upsert": true,
        ]
        for attempt in 1... {
            do {
                try await target.command(["update": "items", "updates": [update]])
                return
            } catch let failure as Failure where failure.kind == .unexpected && attempt < 5 {
                // Two upserts of one key at once.
            }
        }
    }

    private mutating func number() -> Int { Int.random(in: 1...1_000_000, using: &generator) }

    private mutating func newKey() -> Int64 {
        defer { nextKey += step }
        others.append(nextKey)
        return nextKey
    }

    private mutating func takeKey() -> Int64? {
        guard let index = others.indices.randomElement(using: &generator) else { return nil }
        return others.remove(at: index)
    }
}
