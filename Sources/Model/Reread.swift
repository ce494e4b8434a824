import BSON

/// A row that has to be read again by its key.
package struct Reread: Sendable {
    package let collection: String
    /// `{_id: …}`
    package let key: BSONDocument
    package let cause: Cause

    package enum Cause: String, Sendable {
        /// The document is not whole before a backfill's end: only a part of the row was sent. It goes with the
        /// backfill.
        case backfill
        /// What the stream has sent of the row makes no document: nothing of it is written before the row is read.
        case change
        /// The copy from an exported snapshot has met a row that can't be written: nothing of it is there.
        case copy
        /// Somebody has asked for it: its key is held back (`DeadLetter`), and released with the row.
        case retry

        /// Whether the document lacks what is known of the row: no part of it can be written into it.
        package var isStale: Bool { self == .change || self == .copy }
    }

    package init(collection: String, key: BSONDocument, cause: Cause = .backfill) {
        self.collection = collection
        self.key = key
        self.cause = cause
    }
}

/// By the row alone, whatever the cause.
extension Reread: Hashable {
    package static func == (left: Reread, right: Reread) -> Bool {
        left.collection == right.collection && left.key == right.key
    }

    package func hash(into hasher: inout Hasher) {
        hasher.combine(collection)
        hasher.combine(key)
    }
}
