import BSON
import Model

/// What MongoDB is told to do with a document.
extension CollectionWrites {
    /// Whether a partial change that finds no document is no sign of a loss: the backfill has still to bring it, or the
    /// application has deleted it, as it has the row, further on in the stream.
    func mayMiss(_ write: DocumentWrite) -> Bool {
        guardField != nil || incomplete.contains { part in withBytes(write.key) { part.contains($0) } }
    }

    /// Whether that is so of any.
    var mayMissSome: Bool { guardField != nil || !incomplete.isEmpty }

    /// The pipeline that puts a document; nil where a plain replacement will do.
    func replacement(_ document: UnsafeRawBufferPointer) throws -> BSONDocument? {
        if let guardField { return try LastModifiedGuard(field: guardField).replacement(document) }
        return hasSpecialNames ? try SpecialNames.replacement(document) : nil
    }

    /// The update that sets fields.
    func update(_ fields: UnsafeRawBufferPointer) throws -> BSONDocument {
        if let guardField { return try LastModifiedGuard(field: guardField).update(fields) }
        if PartialDocument.isPartial(fields) { return ["0": ["$replaceWith": try PartialDocument.expression(fields)]] }
        return hasSpecialNames ? try SpecialNames.update(fields) : BSONDocument.set(fields)
    }

    /// The found document with the write's key and fields in place of its own.
    func complete(_ found: BSONDocument, with write: DocumentWrite) throws -> BSONDocument {
        try merge(merge(found, write.key), write.body)
    }

    private func merge(_ base: BSONDocument, _ overlay: Range<Int>) throws -> BSONDocument {
        var writer = BSONWriter(capacity: base.bytes.count + overlay.count)
        let range = try base.bytes.withUnsafeBytes { base in
            try withBytes(overlay) { try mergeDocuments(base: base, overlay: $0, into: &writer) }
        }
        return BSONDocument(unchecked: writer.bytes(in: range))
    }
}
