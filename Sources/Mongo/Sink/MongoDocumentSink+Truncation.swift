import BSON
import Model

/// Emptying collections, or parts of them, in steps that are each conditional on the checkpoint and the epoch.
extension MongoDocumentSink {
    package func truncate(_ parts: [CollectionPart], at checkpoint: Checkpoint) async throws {
        for part in parts {
            var attempts = Attempts()
            while true {
                try Task.checkCancellation()
                do {
                    if try await truncateStep(part, at: checkpoint) == 0 { break }
                } catch let error as MongoError {
                    transactions.abort()
                    _ = try await react(to: error, in: part.collection, mode: .overwrite, &attempts)
                }
            }
            waiting.ended(after: attempts.interruptions)
        }
    }

    /// Deletes up to 5,000 documents, provided that checkpoint and epoch are still ours; returns how many.
    private func truncateStep(_ part: CollectionPart, at checkpoint: Checkpoint) async throws -> Int {
        let found = try connection.find(
            pool.database, part.collection, filter: part.filter, projection: ["_id": 1], limit: 5000)
        guard !found.isEmpty else { return 0 }
        try transactions.startTransaction()
        let same = WriteBatch(checkpoint: checkpoint, collections: [], counts: WriteBatch.Counts())
        guard try moveCheckpoint(to: same, after: checkpoint, session: transactions) else { return found.count }
        let bulk = try connection.bulk(pool.database, part.collection, session: transactions)
        for key in found { try key.bytes.withUnsafeBytes { try bulk.remove($0) } }
        try bulk.execute()
        try await waiting.commit(transactions)
        return found.count
    }

    package func forgetLetters(of parts: [CollectionPart], at checkpoint: Checkpoint) async throws {
        var attempts = Attempts()
        let same = WriteBatch(checkpoint: checkpoint, collections: [], counts: WriteBatch.Counts())
        while true {
            try Task.checkCancellation()
            do {
                try transactions.startTransaction()
                // Twice is harmless: nothing that comes behind the truncation is there yet.
                guard try moveCheckpoint(to: same, after: checkpoint, session: transactions) else { continue }
                let letters = LetterNotes(
                    connection: connection, session: transactions, stateDatabase: stateDatabase, pipeline: pipeline)
                for part in parts { try letters.forget(part) }
                try await waiting.commit(transactions)
                return waiting.ended(after: attempts.interruptions)
            } catch let error as MongoError {
                transactions.abort()
                _ = try await react(to: error, in: nil, mode: .overwrite, &attempts)
            }
        }
    }
}
