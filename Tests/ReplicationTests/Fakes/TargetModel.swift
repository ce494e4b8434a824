import BSON
import Model

/// MongoDB as far as a batch is concerned: documents by key, and the documented meaning of every kind of write. What
/// the documentation calls unexpected is a violation here.
struct TargetModel: Sendable, Equatable {
    /// By collection, then by the bytes of `{_id: …}`.
    var collections: [String: [[UInt8]: BSONDocument]] = [:]
    private(set) var violations: [String] = []

    static func == (left: TargetModel, right: TargetModel) -> Bool {
        left.collections.filter { !$1.isEmpty } == right.collections.filter { !$1.isEmpty }
    }

    /// Applies a batch in the order of a transaction: reads for moves, deletes, replacements and moves, sets, inserts.
    mutating func apply(_ batch: WriteBatch) throws {
        for writes in batch.collections { try apply(writes) }
    }

    mutating func truncate(_ parts: [CollectionPart]) {
        for part in parts {
            collections[part.collection] = collections[part.collection]?.filter { key, _ in
                !part.contains(BSONDocument(unchecked: key))
            }
        }
    }

    mutating func put(_ document: BSONDocument, key: BSONDocument, in collection: String) {
        collections[collection, default: [:]][key.bytes] = document
    }

    private mutating func apply(_ writes: CollectionWrites) throws {
        var documents = collections[writes.collection] ?? [:]
        let before = documents
        if Set(writes.writes.map { writes.bytes($0.key) }).count != writes.writes.count {
            violations.append("a key has two writes")
        }
        for write in writes.writes where write.kind == .delete { documents[writes.bytes(write.key)] = nil }
        for write in writes.writes {
            let key = writes.bytes(write.key)
            switch write.kind {
            case .replace: documents[key] = try document(writes, write)
            case .move:
                let origin = before[writes.bytes(write.origin)]
                if origin == nil { violations.append("a move finds no origin") }
                documents[key] = try overlaid(origin, key: key, fields: try document(writes, write))
            case .delete, .set, .insert: break
            }
        }
        for write in writes.writes where write.kind == .set {
            let key = writes.bytes(write.key)
            if documents[key] == nil { violations.append("a set finds no document") }
            documents[key] = try overlaid(documents[key], key: key, fields: try document(writes, write))
        }
        for write in writes.writes where write.kind == .insert {
            let key = writes.bytes(write.key)
            if documents[key] != nil { violations.append("an insert finds a document") }
            documents[key] = try document(writes, write)
        }
        collections[writes.collection] = documents
    }

    private func document(_ writes: CollectionWrites, _ write: DocumentWrite) throws -> BSONDocument {
        try BSONDocument(validating: writes.bytes(write.body))
    }

    /// The document with `fields` set and the `_id` of `key`; fields keep their places, new ones come last.
    private func overlaid(_ base: BSONDocument?, key: [UInt8], fields: BSONDocument) throws -> BSONDocument {
        let changes = try BSONDocument(validating: key).elements + fields.elements
        var elements = base?.elements ?? []
        for (name, value) in changes {
            if let index = elements.firstIndex(where: { $0.name == name }) {
                elements[index].value = value
            } else {
                elements.append((name, value))
            }
        }
        return BSONDocument(elements.map { ($0.name, $0.value) })
    }
}
