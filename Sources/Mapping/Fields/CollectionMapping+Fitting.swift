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
        switch columns {
        case .all: fitted.columns = gone.isEmpty ? .all : .drop(gone)
        case .keep(let kept): fitted.columns = .keep(kept.intersection(names).subtracting(gone))
        case .drop(let dropped): fitted.columns = .drop(dropped.intersection(names).union(gone))
        }
        return fitted
    }
}
