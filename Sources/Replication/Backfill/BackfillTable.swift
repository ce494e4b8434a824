import Mapping
import Model

/// A table of a live backfill: what its readers ask for and what they make of it.
struct BackfillTable: Sendable {
    let version: TableVersion
    let plan: MappingPlan
    /// Columns of the key, in its order.
    let key: [String]
    /// Documents may be there already.
    let expectsDocuments: Bool

    /// An empty list of documents for the table's collection.
    func documents() -> CollectionWrites {
        CollectionWrites(
            collection: plan.collection, hasSpecialNames: plan.needsSetField, expectsDocuments: expectsDocuments,
            capacity: 256 << 10)
    }

    /// Appends a row as a document with its key apart.
    func append(_ row: Row, to documents: CollectionWrites) throws {
        let key = try plan.encodeKey(row, into: &documents.arena)
        let body = try plan.encodeDocument(row, into: &documents.arena)
        documents.writes.append(DocumentWrite(kind: .insert, key: key, body: body))
    }
}
