import BSON
import CLibMongo
import Model

/// One client of the pool, confined to the actor that owns it (libmongoc's clients are not thread-safe). Calls block:
/// the actor runs on a pinned thread.
package final class MongoConnection {
    package let pool: MongoPool
    private let client: OpaquePointer

    package init(_ pool: MongoPool) {
        self.pool = pool
        client = pool.pop()
    }

    deinit { pool.push(client) }

    /// Runs a command on the primary and returns the reply.
    ///
    /// - Throws: `MongoError`, write errors and write concern errors of the reply included.
    @discardableResult
    package func command(_ database: String, _ command: BSONDocument, session: MongoSession? = nil) throws
        -> BSONDocument
    {
        var reply = wherry_reply_t()
        var error = bson_error_t()
        let done = command.bytes.withUnsafeBufferPointer {
            wherry_command(client, database, $0.baseAddress, $0.count, session?.handle, &reply, &error)
        }
        let document = MongoConnection.take(reply)
        guard done else { throw MongoError(error, reply: document) }
        guard let document else { throw Failure(.unexpected, "MongoDB sent a reply that is not BSON") }
        let writeErrors = MongoConnection.writeErrors(document)
        if !writeErrors.isEmpty { throw MongoError(error, reply: document, writeErrors: writeErrors) }
        if let concern = document["writeConcernError"]?.asDocument { throw MongoError(error, reply: concern) }
        return document
    }

    /// Documents of a collection, at most `limit`. Outside of a session with read concern majority: what is read can't
    /// be rolled back by a change of primaries, so that a checkpoint that was read may be confirmed.
    ///
    /// - Parameters:
    ///   - first: in the order of `_id`, from this one on: `{_id: …}`. A filter with `$gt` would see values of one type
    ///     only (MongoDB manual, "Type Bracketing"); the bound of an index goes across them.
    ///   - end: with `first`, only those before this one.
    package func find(
        _ database: String, _ collection: String, filter: BSONDocument, projection: BSONDocument? = nil,
        from first: BSONDocument? = nil, to end: BSONDocument? = nil, limit: Int, session: MongoSession? = nil
    ) throws -> [BSONDocument] {
        var fields: [(String, BSONValue)] = [
            ("find", .string(collection)), ("filter", .document(filter)), ("limit", .int64(Int64(limit))),
        ]
        if let projection { fields.append(("projection", .document(projection))) }
        if let first {
            fields += [("min", .document(first)), ("hint", ["_id": 1]), ("sort", ["_id": 1])]
            if let end { fields.append(("max", .document(end))) }
        }
        if session == nil { fields.append(("readConcern", ["level": "majority"])) }
        // One session for all its commands: without, libmongoc takes any free one for each of them, and the server
        // refuses to go on with a cursor in another session than the one that has opened it (error 50738).
        let session = try session ?? startSession()
        var reply = try command(database, BSONDocument(fields), session: session)
        var documents: [BSONDocument] = []
        while let cursor = reply["cursor"]?.asDocument {
            let batch = cursor["firstBatch"]?.asArray ?? cursor["nextBatch"]?.asArray ?? []
            documents += batch.compactMap(\.asDocument)
            guard let id = cursor["id"]?.asInt64, id != 0 else { break }
            reply = try command(
                database, BSONDocument([("getMore", .int64(id)), ("collection", .string(collection))]),
                session: session)
        }
        return documents
    }

    package func startSession() throws -> MongoSession {
        var error = bson_error_t()
        guard let handle = wherry_session_new(client, &error) else { throw MongoError(error, reply: nil) }
        return MongoSession(adopting: handle, connection: self)
    }

    func bulk(_ database: String, _ collection: String, session: MongoSession?, ordered: Bool = true) throws
        -> MongoBulk
    {
        var error = bson_error_t()
        guard let handle = wherry_bulk_new(client, database, collection, session?.handle, ordered, &error) else {
            throw MongoError(error, reply: nil)
        }
        return MongoBulk(adopting: handle, connection: self)
    }

    /// The reply's bytes as a document of our own; frees them.
    static func take(_ reply: wherry_reply_t) -> BSONDocument? {
        guard let bytes = reply.bytes else { return nil }
        defer { free(bytes) }
        return try? BSONDocument(validating: Array(UnsafeBufferPointer(start: bytes, count: Int(reply.count))))
    }

    static func writeErrors(_ reply: BSONDocument?) -> [MongoError.WriteError] {
        (reply?["writeErrors"]?.asArray ?? []).compactMap(\.asDocument).map { error in
            MongoError.WriteError(
                index: error["index"]?.asInt64.map(Int.init) ?? 0,
                code: error["code"]?.asInt64.map(Int.init) ?? 0,
                keyPattern: error["keyPattern"]?.asDocument.map { $0.map(\.name) } ?? [])
        }
    }
}
