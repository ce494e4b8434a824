import Model

/// What a sink can't get past by trying again. A collection is nil where nobody knows which one it was.
extension Failure {
    static func uniqueIndex(_ duplicate: MongoError.WriteError, of collection: String?) -> Failure {
        Failure(
            .dataRefused,
            "a unique index on (\(duplicate.keyPattern.joined(separator: ", "))) of collection \(collection ?? "?") "
                + "refuses a document of the source",
            hint:
                "The source allows two rows there that the index doesn't, or a document that isn't Wherry's holds the "
                + "value. Drop the index or mend the data, then start again; nothing was skipped.")
    }

    static func collation(of collection: String?) -> Failure {
        Failure(
            .dataRefused, "collection \(collection ?? "?") takes two keys of the source for one",
            hint:
                "Its collation ignores what they differ in, such as case. Use a collection without a collation of its "
                + "own, or mend the keys, then start again; nothing was skipped.")
    }

    static func tooLarge(in collection: String?) -> Failure {
        Failure(
            .targetInterrupted,
            "MongoDB ended a transaction that took too long, or was too large for its cache"
                + (collection.map { ", in collection \($0)" } ?? ""),
            hint: "Smaller batches are tried. If it goes on: look at the server's load, and its "
                + "transactionLifetimeLimitSeconds.")
    }

    static func conflicts(in collection: String?) -> Failure {
        Failure(
            .targetInterrupted,
            "other writers keep colliding with the batch" + (collection.map { " in collection \($0)" } ?? ""),
            hint: "Smaller batches are tried. If it goes on: who else writes there, and how much at once?")
    }
}
