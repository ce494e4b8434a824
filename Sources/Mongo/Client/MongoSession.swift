import BSON
import CLibMongo
import Model

/// A client session and the transactions in it. It keeps its connection alive: libmongoc wants the session destroyed
/// before its client goes back to the pool.
package final class MongoSession {
    let handle: OpaquePointer
    private let connection: MongoConnection

    init(adopting handle: OpaquePointer, connection: MongoConnection) {
        self.handle = handle
        self.connection = connection
    }

    deinit { mongoc_client_session_destroy(handle) }

    package var id: SessionID {
        get throws {
            var bytes = [UInt8](repeating: 0, count: 16)
            guard wherry_session_id(handle, &bytes) else {
                throw Failure(.unexpected, "the MongoDB session has no identifier")
            }
            return SessionID(bytes: bytes)
        }
    }

    /// With write concern majority.
    package func startTransaction() throws {
        var error = bson_error_t()
        guard wherry_transaction_start(handle, &error) else { throw MongoError(error, reply: nil) }
    }

    /// May be called again after an error with the label UnknownTransactionCommitResult.
    package func commit() throws {
        var error = bson_error_t()
        var reply = wherry_reply_t()
        let done = wherry_transaction_commit(handle, &reply, &error)
        let document = MongoConnection.take(reply)
        guard done else { throw MongoError(error, reply: document) }
    }

    /// Errors don't matter: a transaction that isn't committed is forgotten by the server.
    package func abort() {
        if mongoc_client_session_in_transaction(handle) { mongoc_client_session_abort_transaction(handle, nil) }
    }
}
