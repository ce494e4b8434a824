import BSON
import DevServers
import Logging
import Model
import TestSupport

import Mongo

/// A pipeline in a state database of its own on the shared mongod, taken over by one sink.
final class SinkFixture {
    /// Names the documents' database, and has options.
    let uri: String
    let pool: MongoPool
    let store: MongoStateStore
    let stateDatabase: String
    let pipeline = "shop"
    let progress = Progress()
    let logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
    let reader: MongoConnection
    let start = Checkpoint(lsn: LSN(rawValue: 0x100))

    /// - Parameter own: the shared server when nil.
    init(on own: MongoServer? = nil) async throws {
        let server = if let own { own } else { try await SharedServers.shared.mongoServer() }
        stateDatabase = uniqueName("state")
        uri = server.uri(database: uniqueName("target"))
        pool = try MongoPool(uri: uri, applicationName: "wherry-test")
        store = MongoStateStore(pool: pool, database: stateDatabase)
        reader = MongoConnection(pool)
        try await store.create(SinkFixture.state(pipeline, checkpoint: start), tables: [])
        try await MongoTarget(pool: pool, stateDatabase: stateDatabase, pipeline: pipeline)
            .createCollections(["things", "others"])
    }

    static func state(_ pipeline: String, checkpoint: Checkpoint?) -> PipelineState {
        PipelineState(
            pipeline: pipeline, stage: .streaming, stageSince: SourceTime(microseconds: 5_000_000),
            source: SourceIdentity(systemIdentifier: "7", timeline: 1, database: "d", serverVersion: 150_020),
            slot: "wherry_shop", publication: "wherry_shop", targetDatabase: "t", epoch: 0, sessions: [],
            checkpoint: checkpoint, copyAttempt: 1,
            worker: WorkerIdentity(host: "h", pid: 1, startedAt: SourceTime(microseconds: 0)))
    }

    func makeCopySink() async throws -> MongoCopySink {
        try await MongoCopySink(
            pool: pool, stateDatabase: stateDatabase, pipeline: pipeline, progress: progress,
            logger: logger)
    }

    func makeSink() async throws -> MongoDocumentSink {
        try await MongoDocumentSink(
            pool: pool, stateDatabase: stateDatabase, pipeline: pipeline, progress: progress,
            logger: logger)
    }

    /// The one range of a copy, claimed for the sink.
    func claim(for sink: MongoCopySink) async throws -> RangeClaim {
        let state = try required(try await store.load(pipeline))
        let ranges = MongoCopyRanges(
            pool: pool, database: stateDatabase, worker: state.worker, progress: progress, logger: logger)
        let copy = SharedCopy(pipeline: pipeline, epoch: state.epoch, attempt: 1, snapshot: "s", digests: [:])
        let version = TableVersion(
            schema: TableSchema(
                oid: 1, name: TableName(schema: "public", name: "things"), columns: [], replicaIdentity: .primaryKey))
        try await ranges.publish(copy, [CopyRange(table: version, firstPage: nil, endPage: nil, estimatedRows: 3)])
        return try required(try await ranges.claim(in: copy, for: try await sink.session))
    }

    /// Takes the pipeline over with the sink, as a new worker would.
    @discardableResult
    func takeOver(_ sink: MongoDocumentSink) async throws -> PipelineState {
        let state = try required(try await store.load(pipeline))
        let taken = try await store.takeOver(state, sessions: [try await sink.session], worker: state.worker)
        await sink.begin(epoch: taken.epoch)
        return taken
    }

    func documents(_ collection: String = "things") throws -> [BSONDocument] {
        try reader.find(pool.database, collection, filter: [:], limit: 100_000).sorted {
            ($0["_id"]?.asInt64 ?? 0) < ($1["_id"]?.asInt64 ?? 0)
        }
    }

    /// On the field `email` of `things`.
    func createUniqueIndex() throws {
        try reader.command(
            pool.database,
            ["createIndexes": "things", "indexes": [["key": ["email": 1], "name": "email", "unique": true]]])
    }

    func storedCheckpoint() async throws -> Checkpoint? { try await store.load(pipeline)?.checkpoint }
}

struct MissingValue: Error {}

/// `#require` for code outside of a test's own function.
func required<Value>(_ value: Value?) throws -> Value {
    guard let value else { throw MissingValue() }
    return value
}

/// Builds a batch by hand.
struct BatchMaker {
    let writes: CollectionWrites

    init(
        _ collection: String = "things", hasSpecialNames: Bool = false, guardField: String? = nil,
        expectsDocuments: Bool = false
    ) {
        writes = CollectionWrites(
            collection: collection, hasSpecialNames: hasSpecialNames, guardField: guardField,
            expectsDocuments: expectsDocuments)
    }

    @discardableResult
    func add(_ kind: DocumentWrite.Kind, _ id: BSONValue, _ body: BSONDocument? = nil, from origin: BSONValue? = nil)
        -> BatchMaker
    {
        var write = DocumentWrite(kind: kind, key: writes.arena.append(["_id": id]))
        if let body { write.body = writes.arena.append(body) }
        if let origin { write.origin = writes.arena.append(["_id": origin]) }
        writes.writes.append(write)
        return self
    }

    func batch(_ lsn: UInt64) -> WriteBatch {
        var counts = WriteBatch.Counts()
        counts.writes = writes.writes.count
        counts.changes = counts.writes
        return WriteBatch(checkpoint: Checkpoint(lsn: LSN(rawValue: lsn)), collections: [writes], counts: counts)
    }

    func chunk(rereads: [Reread] = []) -> ChunkWrite {
        ChunkWrite(documents: writes, progress: nil, rereads: rereads, settled: [])
    }
}

extension MongoCopySink {
    /// Rows of which none is refused.
    func write(_ documents: CollectionWrites, ledger attempt: Int?, claim: RangeClaim) async throws -> Bool {
        try await write(documents, refused: [], holdsBack: false, ledger: attempt, claim: claim)
    }
}
