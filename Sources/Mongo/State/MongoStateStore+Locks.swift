import BSON
import Foundation
import Model

/// Documents that somebody's transaction keeps locked. What a worker that was killed leaves open, the server ends after
/// a minute: longer than a connection waits for an answer.
extension MongoStateStore {
    /// How long a document may be locked before sessions are killed, once more if need be. A worker that is alive locks
    /// its documents for moments.
    static let killInterval = Duration.seconds(3)
    static let mostKills = 40

    /// Ends the transactions of sessions.
    func kill(_ sessions: [SessionID]) throws {
        guard !sessions.isEmpty else { return }
        let ids = sessions.map { session -> BSONValue in ["id": .binary(subtype: 4, session.bytes)] }
        try connection.command("admin", ["killSessions": .array(ids)])
    }

    /// Ends the transactions that a pipeline's worker has left open. One that is alive repeats them.
    package func endTransactions(of pipeline: String) throws {
        try during("ending what a worker left open") { try kill(load(pipeline)?.sessions ?? []) }
    }

    /// What an operator's command writes among the documents of a worker.
    ///
    /// - Parameter write: called again until it has met no lock.
    /// - Throws: `CancellationError`; `Failure(.targetInterrupted)` when something other than the worker keeps them locked.
    func order<Result>(_ action: String, of pipeline: String, _ write: () throws -> Result) throws -> Result {
        try during(action) {
            var (kills, since) = (0, ContinuousClock.now)
            while kills < MongoStateStore.mostKills {
                try Task.checkCancellation()
                do { return try write() } catch let error as MongoError
                    where error.isConflict || error.code == MongoError.maxTimeExpired
                {
                    if .now - since < MongoStateStore.killInterval {
                        Thread.sleep(forTimeInterval: 0.05)
                    } else {
                        try kill(load(pipeline)?.sessions ?? [])
                        (kills, since) = (kills + 1, .now)
                    }
                }
            }
            throw MongoStateStore.locked(pipeline)
        }
    }

    /// One command of it outside of a transaction, durably.
    @discardableResult
    func order(_ action: String, of pipeline: String, _ command: BSONDocument) throws -> BSONDocument {
        let reply = try order(action, of: pipeline) { try limited(command) }
        try during(action) { try awaitMajority(after: reply) }
        return reply
    }

    /// Ends by itself where a document stays locked, and doesn't wait for secondaries: those have all the time they need.
    @discardableResult
    package func limited(_ command: BSONDocument) throws -> BSONDocument {
        let limit = Int64(MongoStateStore.killInterval / .milliseconds(1))
        return try connection.command(
            database, BSONDocument(command.elements + [("writeConcern", ["w": 1]), ("maxTimeMS", .int64(limit))]))
    }

    /// Waits until what this connection has written is durable: a write of nothing waits for the newest one (MongoDB
    /// manual, "Write Concern"). Not for what another primary has taken, which may be rolled back.
    ///
    /// - Parameter reply: to the write.
    /// - Throws: `Failure(.targetInterrupted)` when the primary has changed since, and nobody knows.
    package func awaitMajority(after reply: BSONDocument) throws {
        let settled = try connection.command(
            database,
            [
                "delete": .string(StateCollection.controls), "deletes": [["q": ["_id": .minKey], "limit": 1]],
                "writeConcern": majority,
            ])
        // Each primary names its election in its answers to writes.
        guard let before = reply["electionId"], let now = settled["electionId"], before != now else { return }
        throw Failure(
            .targetInterrupted, "the target has got another primary while something was written",
            hint: "Whether it was kept is not known: look (`wherry status`), and run the command again if need be.")
    }

    static func locked(_ pipeline: String) -> Failure {
        Failure(
            .targetInterrupted, "another transaction keeps the state of pipeline \(pipeline) locked",
            hint: "It isn't the worker's own. db.currentOp() on the target's primary shows whose it is: end it, and "
                + "try again.")
    }
}
