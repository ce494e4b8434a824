import BSON

/// The constant that tells the documents of one table from those of the others in their collection: a field of each, and
/// the first one of its `_id`.
package struct Discriminator: Hashable, Sendable {
    package let field: String
    package let value: String

    package init(field: String, value: String) {
        self.field = field
        self.value = value
    }
}

/// The documents of one table: a collection, or those of a collection that begin their `_id` with the table's constant.
package struct CollectionPart: Hashable, Sendable {
    package let collection: String
    /// nil: the collection is the table's alone.
    package let discriminator: Discriminator?
    /// What `_id` begins with, as bytes; empty without a discriminator.
    private let beginning: [UInt8]

    package init(_ collection: String, _ discriminator: Discriminator? = nil) {
        self.collection = collection
        self.discriminator = discriminator
        beginning =
            discriminator.map { BSONDocument([($0.field, .string($0.value))]).bytes.dropFirst(4).dropLast() } ?? []
    }

    /// The documents as a condition on `_id`, which its index serves; empty for all.
    package var filter: BSONDocument { bounds.map { ["_id": ["$gt": $0.first, "$lt": $0.end]] } ?? [:] }

    /// The range of `_id`, without its ends; nil for all. Documents are compared field by field, the shorter one of two
    /// first: by the type of the value, then the name, then the value (MongoDB manual, "Comparison/Sort Order", Objects).
    package var bounds: (first: BSONValue, end: BSONValue)? {
        discriminator.map { constant in
            let own = (constant.field, BSONValue.string(constant.value))
            return (.document(BSONDocument([own])), .document(BSONDocument([own, ("", .maxKey)])))
        }
    }

    /// Whether the key is of one of these documents.
    ///
    /// - Parameter key: the bytes of `{_id: …}`.
    package func contains(_ key: UnsafeRawBufferPointer) -> Bool {
        guard !beginning.isEmpty else { return true }
        // The outer document's length, `_id` as a document, that one's length.
        let start = 4 + 1 + BSONName.id.bytes.count + 4
        // Behind it another field, and the ends of both documents.
        guard key.count > start + beginning.count + 2, key[4] == BSONType.document.rawValue else { return false }
        return key[start..<(start + beginning.count)].elementsEqual(beginning)
    }

    package func contains(_ key: BSONDocument) -> Bool { key.bytes.withUnsafeBytes { contains($0) } }

    package func contains(_ reread: Reread) -> Bool { reread.collection == collection && contains(reread.key) }

    package func contains(_ held: HeldKey) -> Bool { held.collection == collection && contains(held.key) }
}

/// For people: `people`, or `people (kind: customer)`.
extension CollectionPart: CustomStringConvertible {
    package var description: String {
        discriminator.map { "\(collection) (\($0.field): \($0.value))" } ?? collection
    }
}
