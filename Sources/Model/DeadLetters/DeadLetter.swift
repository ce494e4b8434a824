import BSON

/// A change, or a row, that could not be written: kept in the state database, while its keys are held back. The one
/// place where values of rows are kept outside of their documents.
package struct DeadLetter: Hashable, Sendable {
    package enum Kind: String, Sendable {
        case insert, update, delete
        /// A row that was read from the source.
        case row
    }

    /// What is kept of the values.
    package enum Content: Hashable, Sendable {
        /// The row: a column that makes no BSON as the server's text, or as its bytes.
        case row(BSONDocument)
        /// What was to be written, as fields.
        case document(BSONDocument)
        /// More bytes than are kept.
        case tooLarge(Int)
        /// Nothing, of a delete.
        case none
    }

    /// Which comes after which, from 1 in each pipeline; 0 until the writer gives it.
    package var sequence: Int64 = 0
    package let collection: String
    package let table: TableName?
    /// `{_id: …}` of the documents that are held back: two where the key was changed, the new one first.
    package let keys: [BSONDocument]
    package let kind: Kind
    /// In words for an operator, without values.
    package let reason: String
    package var origin: Origin?
    package let content: Content

    /// Where in the stream it comes from: of a row that was read, and of a change whose batch the target has refused,
    /// the end of the last transaction before it is written.
    package struct Origin: Hashable, Sendable {
        package let lsn: LSN
        package let xid: UInt32?
        package let commitTime: SourceTime?

        package init(lsn: LSN, xid: UInt32? = nil, commitTime: SourceTime?) {
            self.lsn = lsn
            self.xid = xid
            self.commitTime = commitTime
        }
    }

    /// Bytes of its values and its keys.
    package var byteCount: Int {
        let values =
            switch content {
            case .row(let document), .document(let document): document.bytes.count
            case .tooLarge, .none: 0
            }
        return keys.reduce(values) { $0 + $1.bytes.count }
    }

    /// The keys with their collection.
    package var heldKeys: [HeldKey] { keys.map { HeldKey(collection: collection, key: $0) } }

    /// Bytes of values that are kept of one letter.
    package static let mostBytes = 64 << 10

    package init(
        collection: String, table: TableName?, keys: [BSONDocument], kind: Kind, reason: String,
        origin: Origin? = nil, content: Content
    ) {
        self.collection = collection
        self.table = table
        self.keys = keys
        self.kind = kind
        self.reason = reason
        self.origin = origin
        self.content = content
    }
}

/// A key whose document is not written to: what changes of it is kept as letters, until it is retried or discarded.
package struct HeldKey: Hashable, Sendable {
    package let collection: String
    /// `{_id: …}`
    package let key: BSONDocument

    package init(collection: String, key: BSONDocument) {
        self.collection = collection
        self.key = key
    }
}

/// What the state database holds of a pipeline's letters.
package struct HeldLetters: Hashable, Sendable {
    /// With the number of letters that hold each.
    package var keys: [HeldKey: Int] = [:]
    package var letters = 0
    package var lastSequence: Int64 = 0
    /// Counts what has been asked about them (retry, discard) when they were read.
    package var orders: Int64 = 0

    package init() {}

    /// Letters of a pipeline; with more it stops.
    package static let most = 100_000

    /// What a command ends with that has done everything else; nil when nothing is held back.
    package func refusal(of pipeline: String) -> Failure? {
        guard letters > 0 else { return nil }
        return Failure(
            .dataRefused,
            "everything else is written, but \(letters) changes of \(keys.count) documents of pipeline \(pipeline) are "
                + "held back",
            hint: "`wherry dead-letters list` says why; mend that, then `wherry dead-letters retry --all`.")
    }

    package static func tooMany(_ pipeline: String) -> Failure {
        Failure(
            .dataRefused, "pipeline \(pipeline) holds back more than \(most) changes, as many as it may",
            hint: "Mend what refuses them (`wherry dead-letters list` says what), then `wherry dead-letters retry "
                + "--all` or `discard`, and start again; nothing was skipped.")
    }
}

/// What becomes of rows and changes that can't be written.
package enum RefusalPolicy: String, CaseIterable, Sendable {
    /// The pipeline stops.
    case fail
    /// They are kept, their keys held back, and everything else goes on.
    case deadLetter = "dead_letter"
}
