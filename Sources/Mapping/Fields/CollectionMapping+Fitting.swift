import Model

extension CollectionMapping {
    /// The mapping for a version of a table that the stream shows, which may be older than the file: it says nothing of
    /// columns that the version lacks, and columns that the table has no more are left out. They may be what is masked
    /// under another name now; their rows are read again.
    ///
    /// - Parameters:
    ///   - present: the columns that the table has; nil where nobody knows.
    ///   - key: columns that stay in any case.
    package func fitted(to schema: TableSchema, present: Set<String>?, key: [String]) -> CollectionMapping {
        let names = Set(schema.columns.map(\.name))
        let gone = present.map { names.subtracting($0).subtracting(key) } ?? []
        var fitted = self
        fitted.rename = rename.filter { names.contains($0.key) }
        fitted.types = types.filter { names.contains($0.key) }
        fitted.masks = masks.filter { names.contains($0.key) }
        fitted.columnPolicies = columnPolicies.filter { names.contains($0.key) }
        fitted.computed = computed.filter { CollectionMapping.isAnswered($0.expression, by: names) }
        fitted.filter = filter.flatMap { CollectionMapping.isAnswered($0, by: names) ? $0 : nil }
        fitted.lacksColumns = fitted.filter != filter || fitted.computed != computed
        switch columns {
        case .all: fitted.columns = gone.isEmpty ? .all : .drop(gone)
        case .keep(let kept): fitted.columns = .keep(kept.intersection(names).subtracting(gone))
        case .drop(let dropped): fitted.columns = .drop(dropped.intersection(names).union(gone))
        }
        return fitted
    }

    /// Whether all that an expression names is there; one that can't be read is for the plan to refuse.
    private static func isAnswered(_ expression: String, by columns: Set<String>) -> Bool {
        guard let named = try? Expression(parsing: expression).columns else { return true }
        return columns.isSuperset(of: named)
    }
}
