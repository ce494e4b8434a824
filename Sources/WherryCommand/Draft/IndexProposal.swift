import BSON
import Model
import Postgres

/// What becomes of one index of the source in a collection: the same in MongoDB, or the reason why there is none.
struct IndexProposal: Equatable {
    let name: String
    /// nil where there is none.
    private(set) var index: CollectionIndex?
    /// Why there is none, or what is different; nil where nothing is.
    private(set) var remark: String?

    /// - Parameters:
    ///   - doubt: why documents may have the same values where rows don't; nil where a unique index stays one.
    ///   - path: the field of a column; nil where the column is left out.
    init(_ source: CatalogIndex, of table: DraftTable, doubt: String? = nil, path: (String) -> String?) {
        name = source.name
        let columns = Dictionary(table.schema.columns.map { ($0.name, $0) }) { first, _ in first }
        let doubt = doubt ?? IndexProposal.doubt(source)
        do throws(Reason) {
            var index = CollectionIndex(name: name, keys: try IndexProposal.keys(source, columns, path))
            index.isUnique = source.isUnique && doubt == nil
            try IndexProposal.checkArrays(source, columns)
            index.isSparse =
                index.isUnique && !source.nullsAreEqual
                && source.keys.contains { table.nullableColumns.contains($0.column ?? "") }
            index.collation = try IndexProposal.collation(source, columns)
            try IndexProposal.narrow(&index, source, columns, table.nullableColumns, path)
            self.index = index
            let remarks = [
                source.isUnique ? doubt.map { "unique in PostgreSQL, and not here: \($0)" } : nil,
                source.keys.contains(where: \.ignoresDifferences)
                    ? "its collation ignores differences in PostgreSQL; see that the strength fits" : nil,
            ].compactMap { $0 }
            remark = remarks.isEmpty ? nil : remarks.joined(separator: "; ")
        } catch {
            remark = error.text
        }
    }

    /// The same index of the source, with none in the collection.
    func without(_ reason: String) -> IndexProposal {
        var proposal = self
        (proposal.index, proposal.remark) = (nil, reason)
        return proposal
    }

    /// A condition by which a column of the key is NULL: then no two rows have the same key.
    private static func doubt(_ source: CatalogIndex) -> String? {
        guard !source.nullsAreEqual, let tests = source.predicate.flatMap({ IndexPredicate($0) })?.tests,
            let column = source.keys.compactMap(\.column).first(where: { tests[$0] == .isNull })
        else { return nil }
        return "\(column) is NULL in all of its rows, and PostgreSQL takes no NULL for another"
    }

    private struct Reason: Error {
        let text: String

        init(_ text: String) { self.text = text }
    }

    private static func keys(
        _ source: CatalogIndex, _ columns: [String: Column], _ path: (String) -> String?
    ) throws(Reason) -> [CollectionIndex.Key] {
        let isOfElements = source.method == "gin" && source.keys.count == 1
        guard ["btree", "hash"].contains(source.method) || isOfElements else {
            throw Reason("a \(source.method) index has no counterpart in MongoDB")
        }
        var keys: [CollectionIndex.Key] = []
        for key in source.keys {
            guard let name = key.column else {
                throw Reason("it is on an expression, \(key.definition): make that a field with 'compute' first")
            }
            guard let column = columns[name], let path = path(name) else {
                throw Reason("column \(name) is in no document")
            }
            if isOfElements, !column.type.isArray {
                throw Reason("a gin index over \(column.type.name) has no counterpart in MongoDB")
            }
            try checkName(name, path)
            keys.append(CollectionIndex.Key(path, isDescending: key.isDescending))
        }
        if keys.map(\.path) == ["_id"] { throw Reason("MongoDB has one on _id") }
        return keys
    }

    /// - Throws: for a column whose field, called as it, can't be named in an index.
    private static func checkName(_ name: String, _ path: String) throws(Reason) {
        guard path == name else { return }
        if name.contains(".") || name.hasPrefix("$") {
            throw Reason("MongoDB would read the name \(name) as a path: give the field another with 'rename'")
        }
        if name.hasPrefix("-") {
            throw Reason("\(name) would be a descending field: give it another name with 'rename'")
        }
    }

    /// MongoDB puts every element of an array into an index, and refuses a document with arrays in two of its fields.
    private static func checkArrays(_ source: CatalogIndex, _ columns: [String: Column]) throws(Reason) {
        let names = source.keys.compactMap(\.column)
        if source.isUnique, let array = names.first(where: { columns[$0]?.type.isArray == true }) {
            throw Reason("\(array) is an array: MongoDB would let no element be in two documents")
        }
        let arrays = names.filter { columns[$0]?.type.mayBeArray == true }
        if arrays.count > 1 { throw Reason("MongoDB takes one array in an index: \(arrays.joined(separator: ", "))") }
    }

    /// For citext and collations that ignore something. It would hold for every text of the index.
    private static func collation(
        _ source: CatalogIndex, _ columns: [String: Column]
    ) throws(Reason) -> CollectionIndex.Collation? {
        let texts = source.keys.filter { columns[$0.column ?? ""]?.type.isText == true }
        let ignoring = texts.filter { key in
            key.ignoresDifferences || columns[key.column ?? ""]?.type.base.shape == .extended(.citext)
        }
        guard !ignoring.isEmpty else { return nil }
        guard ignoring.count == texts.count else {
            throw Reason("only some of its columns ignore upper and lower case, and in MongoDB all of an index would")
        }
        return CollectionIndex.Collation(locale: "en", strength: 2)
    }

    private static func narrow(
        _ index: inout CollectionIndex, _ source: CatalogIndex, _ columns: [String: Column], _ nullable: Set<String>,
        _ path: (String) -> String?
    ) throws(Reason) {
        guard let text = source.predicate else { return }
        let refused = Reason("it is partial in a way of its own, WHERE \(text)")
        guard let predicate = IndexPredicate(text) else { throw refused }
        for (name, test) in predicate.tests.sorted(by: { $0.key < $1.key }) {
            guard let column = columns[name], let path = path(name) else { throw refused }
            try checkName(name, path)
            if test == .isNotNull {
                // Left out where any field is null: the same where no other may be, or a NULL is never a duplicate.
                let others = source.keys.contains { $0.column != name && nullable.contains($0.column ?? "") }
                guard source.keys.contains(where: { $0.column == name }), !others || index.isSparse else {
                    throw refused
                }
                index.isSparse = true
                continue
            }
            guard let value = value(test, column.type.base) else { throw refused }
            index.conditions.append(CollectionIndex.Condition(path: path, value: value))
        }
        index.conditions.sort { $0.path < $1.path }
    }

    /// As the column's own codec writes it; nil where that is not known here.
    private static func value(_ test: IndexPredicate.Test, _ type: PostgresType) -> BSONValue? {
        switch test {
        case .isNull: .null
        case .isNotNull: nil
        case .isTrue: type.oid == 16 ? true : nil
        case .isFalse: type.oid == 16 ? false : nil
        case .number(let digits): [20, 21, 23].contains(type.oid) ? Int64(digits).map { .integer($0) } : nil
        case .text(let text): [25, 1043].contains(type.oid) || type.shape == .enum ? .string(text) : nil
        }
    }
}

extension PostgresType {
    /// Without domains.
    fileprivate var base: PostgresType { if case .domain(let base) = shape { base } else { self } }

    /// Whether its values become arrays: arrays, int2vector, oidvector, multiranges, vectors.
    var isArray: Bool {
        switch base.shape {
        case .array, .multirange, .extended(.vector): true
        default: [22, 30].contains(base.oid)
        }
    }

    /// Those, json and jsonb.
    var mayBeArray: Bool { isArray || [114, 3802].contains(base.oid) }

    /// Whether values are compared by a collation: text, varchar, char(n), name, citext.
    var isText: Bool { [19, 25, 1042, 1043].contains(base.oid) || base.shape == .extended(.citext) }
}
