import Model

extension CollectionMapping {
    /// The mapping for a version of a table that the stream shows, which may be older than the file: it says nothing of
    /// columns that the version lacks, and columns that the table has no more are left out. They may be what is masked
    /// under another name now; their rows are read again.
    ///
    /// - Parameters:
    ///   - present: the columns that the table has; nil where nobody knows.
    ///   - isOlder: whether the version is another one than the file was written for.
    ///   - key: columns that stay in any case.
    package func fitted(to schema: TableSchema, present: Set<String>?, isOlder: Bool = false, key: [String])
        -> CollectionMapping
    {
        let names = Set(schema.columns.map(\.name))
        let gone = present.map { names.subtracting($0).subtracting(key) } ?? []
        var fitted = self
        fitted.rename = rename.filter { names.contains($0.key) }
        fitted.types = types.filter { names.contains($0.key) }
        fitted.masks = masks.filter { names.contains($0.key) }
        fitted.columnPolicies = columnPolicies.filter { names.contains($0.key) }
        fitted.computed = computed.filter { CollectionMapping.fits($0.expression, schema, isOlder) }
        fitted.filter = filter.flatMap { CollectionMapping.fits($0, schema, isOlder) ? $0 : nil }
        fitted.lacksColumns = fitted.filter != filter || fitted.computed != computed
        switch columns {
        case .all: fitted.columns = gone.isEmpty ? .all : .drop(gone)
        case .keep(let kept): fitted.columns = .keep(kept.intersection(names).subtracting(gone))
        case .drop(let dropped): fitted.columns = .drop(dropped.intersection(names).union(gone))
        }
        return fitted
    }

    /// Whether all that an expression names is there, of types that it can take. Of the version that the file was written
    /// for only the former is asked: there a mistake is for the plan to refuse.
    private static func fits(_ text: String, _ schema: TableSchema, _ isOlder: Bool) -> Bool {
        guard let expression = try? Expression(parsing: text) else { return true }
        if isOlder { return (try? expression.bound(to: schema)) != nil }
        return Set(schema.columns.map(\.name)).isSuperset(of: expression.columns)
    }
}
