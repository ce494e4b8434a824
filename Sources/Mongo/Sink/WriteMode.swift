/// How a batch is written; the next one is tried when the one before met a duplicate key.
enum WriteMode: Sendable {
    /// Inserts are inserts: 3 to 7 times cheaper than upserts, and right as long as their keys are new.
    case insertFirst
    /// The keys of inserts are looked for, and those that are there replaced: some was there already.
    case overwrite
    /// Everything the batch touches is deleted and then inserted: the way through a unique index of the user's own when
    /// values move between documents.
    case rebuild
}
