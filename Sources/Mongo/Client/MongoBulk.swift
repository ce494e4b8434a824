import BSON
import CLibMongo
import Model

/// One bulk of writes to one collection. libmongoc sends one command for each run of equal kinds. The bytes handed in
/// are copied before the call returns.
final class MongoBulk {
    private let handle: OpaquePointer
    private let connection: MongoConnection
    private(set) var count = 0

    struct Outcome: Sendable {
        let matched: Int
        /// Positions (in the bulk) whose key was not there, and so was inserted by an upsert.
        let upserted: Int
        let removed: Int
    }

    init(adopting handle: OpaquePointer, connection: MongoConnection) {
        self.handle = handle
        self.connection = connection
    }

    deinit { wherry_bulk_destroy(handle) }

    func insert(_ document: UnsafeRawBufferPointer) throws {
        try add { wherry_bulk_insert(handle, document.baseAddress, document.count, &$0) }
    }

    func replace(_ key: UnsafeRawBufferPointer, with document: UnsafeRawBufferPointer) throws {
        try add {
            wherry_bulk_replace(handle, key.baseAddress, key.count, document.baseAddress, document.count, &$0)
        }
    }

    /// `update` is an update document or a pipeline in the form of a document with keys 0, 1, 2 …
    func update(_ key: UnsafeRawBufferPointer, _ update: UnsafeRawBufferPointer, upsert: Bool) throws {
        try add {
            wherry_bulk_update(handle, key.baseAddress, key.count, update.baseAddress, update.count, upsert, &$0)
        }
    }

    func remove(_ key: UnsafeRawBufferPointer) throws {
        try add { wherry_bulk_remove(handle, key.baseAddress, key.count, &$0) }
    }

    private func add(_ call: (inout bson_error_t) -> Bool) throws {
        var error = bson_error_t()
        guard call(&error) else { throw MongoError(error, reply: nil) }
        count += 1
    }

    /// - Throws: `MongoError` with the write errors' positions in the bulk.
    @discardableResult
    func execute() throws -> Outcome {
        var error = bson_error_t()
        var reply = wherry_reply_t()
        let done = wherry_bulk_execute(handle, &reply, &error)
        let document = MongoConnection.take(reply)
        guard done else {
            throw MongoError(error, reply: document, writeErrors: MongoConnection.writeErrors(document))
        }
        return Outcome(
            matched: document?["nMatched"]?.asInt64.map(Int.init) ?? 0,
            upserted: document?["nUpserted"]?.asInt64.map(Int.init) ?? 0,
            removed: document?["nRemoved"]?.asInt64.map(Int.init) ?? 0)
    }
}
