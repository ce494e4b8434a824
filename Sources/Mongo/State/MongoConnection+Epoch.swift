import BSON
import Model

extension MongoConnection {
    /// Makes sure, in a transaction, that the pipeline's epoch is still this one until the transaction ends: the
    /// document is changed, so that raising the epoch conflicts with it. (An update that changes nothing would not.)
    ///
    /// - Throws: `Failure(.fenced)` when it has moved on.
    func hold(_ pipeline: String, epoch: Int64, in stateDatabase: String, _ session: MongoSession) throws {
        let mine: BSONDocument = ["_id": .string(pipeline), "epoch": .int64(epoch)]
        let held = try command(
            stateDatabase,
            [
                "update": .string(StateCollection.pipelines),
                "updates": [["q": .document(mine), "u": ["$inc": ["holds": .int64(1)]]]],
            ], session: session)
        guard held["n"]?.asInt64 == 1 else { throw Failure.fenced(pipeline) }
    }
}
