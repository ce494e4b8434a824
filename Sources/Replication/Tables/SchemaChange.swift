import Model

/// A table of a pipeline that the catalogue shows in another form, or under another name, than the state has it.
package struct SchemaChange: Hashable, Sendable {
    /// As it is stored.
    package let state: TableState
    package let now: CatalogueTable
    /// What has happened to its columns, in words; empty when documents stay the same.
    package let words: [String]

    package var isRenamed: Bool { state.table != now.name }

    /// All of it, to follow the table's name.
    package var summary: String { SchemaChange.summary(words) }

    static func summary(_ words: [String]) -> String { words.joined(separator: ", ") }

    /// The tables that are not as they are stored, in the order of `states`. Tables that are gone, and states that are
    /// older than shapes, are not among them.
    package static func find(_ states: [TableState], in catalogue: [CatalogueTable]) -> [SchemaChange] {
        let shown = ShownTables(states, in: catalogue)
        return states.compactMap { state in
            guard let shape = state.shape, let now = shown[state] else { return nil }
            let change = SchemaChange(state: state, now: now, words: now.shape.changes(since: shape))
            return change.isRenamed || !change.words.isEmpty ? change : nil
        }
    }

    /// What a pipeline says that doesn't go on by itself.
    static func refusal(_ table: TableName, _ summary: String) -> Failure {
        Failure(
            .configuration, "table \(table) has changed, and schema_changes is fail: \(summary)",
            hint: "`wherry set --accept-schema-change \(table)`, then start again: its documents get the new form, and "
                + "the table is read again. With schema_changes: follow that happens by itself.")
    }
}

/// The tables of a pipeline as the catalogue shows them: by oid, which survives a new name, or by name where that has
/// been made anew.
struct ShownTables {
    private let byOID: [UInt32: CatalogueTable]
    private let byName: [TableName: CatalogueTable]
    /// Who knows one by its oid: under an old name of another table it is not that one.
    private let owners: [UInt32: Set<TableName>]

    init(_ states: [TableState], in catalogue: [CatalogueTable]) {
        byOID = Dictionary(catalogue.map { ($0.shape.oid, $0) }, uniquingKeysWith: { first, _ in first })
        byName = Dictionary(catalogue.map { ($0.name, $0) }, uniquingKeysWith: { first, _ in first })
        owners = Dictionary(
            states.compactMap { state in state.shape.map { ($0.oid, [state.table]) } },
            uniquingKeysWith: { $0.union($1) })
    }

    subscript(state: TableState) -> CatalogueTable? {
        if let oid = state.shape?.oid, let found = byOID[oid] { return found }
        guard let found = byName[state.table] else { return nil }
        return owners[found.shape.oid]?.subtracting([state.table]).isEmpty ?? true ? found : nil
    }
}
