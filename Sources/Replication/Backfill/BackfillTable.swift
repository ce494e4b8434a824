import BSON
import Mapping
import Model

/// A table of a live backfill: what its readers ask for and what they make of it.
struct BackfillTable: Sendable {
    let route: Route
    let version: TableVersion
    let plan: MappingPlan
    /// Columns of the key, in its order.
    let key: [String]
    /// Whether it was asked for, of a table that was whole.
    var isAsked = false
    /// Only rows that fulfil it are read; nil for all.
    var condition: String?
    /// Whether documents may be there already.
    var expectsDocuments: Bool
    /// The field that keeps documents which are newer; nil when what is read wins in any case.
    var guardField: String?

    /// An empty list of documents for the table's collection.
    func documents() -> CollectionWrites {
        let documents = CollectionWrites(
            collection: plan.collection, hasSpecialNames: plan.needsSetField, guardField: guardField,
            expectsDocuments: expectsDocuments, capacity: 256 << 10)
        documents.tables = [plan.part: version.schema.name]
        return documents
    }

    /// Appends a row as a document with its key apart. When it is none of those that become documents, one that may be
    /// there is deleted; with a guard, unless that is newer than the row. Nothing else of such a row is looked at.
    func append(_ row: Row, to documents: CollectionWrites) throws {
        let isTaken = try plan.takes(row)
        guard isTaken || expectsDocuments else { return }
        let key = try plan.encodeKey(row, into: &documents.arena)
        if isTaken {
            let body = try plan.encodeDocument(row, into: &documents.arena)
            documents.writes.append(DocumentWrite(kind: .insert, key: key, body: body))
        } else {
            let body = try guardField.map { _ in try plan.encodeGuard(row, into: &documents.arena) }
            documents.writes.append(DocumentWrite(kind: .delete, key: key, body: body ?? 0..<0))
        }
    }

    /// Appends deletes of those of the rows that are not among what was read of them: they are gone. For rows that are
    /// retried, the stream's own deletes of which are held back.
    func appendDeletes(of rereads: [Reread], notIn read: LiveBackfill.ReadRows) {
        let documents = read.documents
        let found = Set(
            documents.writes.map { BSONDocument(unchecked: documents.bytes($0.key)) } + read.letters.flatMap(\.keys))
        for reread in rereads where !found.contains(reread.key) {
            documents.writes.append(DocumentWrite(kind: .delete, key: documents.arena.append(reread.key)))
        }
    }

    /// The keys of documents as a probe asks for them, with the documents' places; those that can't be this table's are
    /// left out.
    func keyTexts(of documents: [BSONDocument]) -> [(place: Int, text: [String])] {
        documents.enumerated().compactMap { place, key in
            key["_id"].flatMap { plan.keyText(of: $0) }.map { (place, $0) }
        }
    }

    /// Appends the delete of a row by its key.
    ///
    /// The key is the one that rows have, not the document's own bytes: what the stream has touched is known by those,
    /// and MongoDB finds the document by any number that is equal.
    ///
    /// - Parameter begun: when the backfill began. Where an application writes too, a document that is newer may be of
    ///   a row that has still to come.
    func appendDelete(of key: [String], begun: SourceTime, to documents: CollectionWrites) throws {
        let key = try plan.encodeKey(plan.row(ofKey: key), into: &documents.arena)
        let body = guardField.map { documents.arena.append([$0: .date(begun.unixMilliseconds)]) }
        documents.writes.append(DocumentWrite(kind: .delete, key: key, body: body ?? 0..<0))
    }
}
