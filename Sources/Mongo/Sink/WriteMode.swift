/// How a batch is written; the next one is tried when the one before met a duplicate key.
enum WriteMode: Sendable {
    /// Inserts are inserts: 3 to 7 times cheaper than upserts, and right as long as their keys are new.
    case insertFirst
    /// Inserts are replacements by key: some key was there already.
    case overwrite
    /// Everything the batch touches is deleted and then inserted: the way through a unique index of the user's own when
    /// values move between documents.
    case rebuild
}
