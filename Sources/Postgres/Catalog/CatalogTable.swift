import Model

/// A table as the catalogue shows it, with everything that decides whether and how it can be replicated.
package struct CatalogTable: Hashable, Sendable {
    package enum Kind: Character, Hashable, Sendable {
        case ordinary = "r"
        case partitioned = "p"
        case foreign = "f"
    }

    package enum Persistence: Character, Hashable, Sendable {
        case permanent = "p"
        case unlogged = "u"
        case temporary = "t"
    }

    /// Without generated columns: the stream doesn't have them.
    package let schema: TableSchema
    package let shape: TableShape
    package let kind: Kind
    package let persistence: Persistence
    /// A leaf or branch of a partitioned table.
    package let isPartition: Bool
    /// The partitioned table it is a part of in the end; nil for one that is being detached, and for other tables.
    package let root: TableName?
    /// The heaps of a partitioned table that is no partition, at any depth, foreign ones included.
    package var leaves: [CatalogTable] = []
    /// Tables that it inherits from (`INHERITS`), and that inherit from it: `public.a, public.b`; nil when there are
    /// none.
    package let parents: String?
    package let children: String?
    /// The primary key's columns in the key's order; empty without a key.
    package let primaryKey: [String]
    package let generatedColumns: [String]
    /// By column: `pg_attribute.atttypmod`, or what the domain says that it is of; columns without are not in it.
    package let modifiers: [String: Int32]
    /// Columns that may hold NULL.
    package let nullableColumns: Set<String>
    package let rowSecurity: RowSecurity
    /// Two rows may hold the same key until the end of a transaction.
    package let hasDeferrableKey: Bool
    package let owner: String
    /// Whether the role is the owner, or a member of it: adding to a publication needs that.
    package let isOwned: Bool
    package let isReadable: Bool
    /// The planner's estimate; 0 for a table never analysed.
    package let estimatedRows: Int
    /// Whether another table has a name that Unicode takes for the same (canonical equivalence), as Swift does.
    package var sharesItsName = false
    /// Columns whose type the server can't send in binary at all.
    package let unsendableColumns: [String]

    package struct RowSecurity: Hashable, Sendable {
        package let isEnabled: Bool
        package let isForced: Bool
        /// Whether policies filter what this role reads.
        package let isActive: Bool
    }

    package var name: TableName { schema.name }
    var partition: Partition { Partition(oid: schema.oid, name: name) }

    /// Why it can't be replicated whatever the configuration says, in words; nil when it can.
    package var refusal: String? {
        switch (kind, persistence) {
        case (.foreign, _): return "a foreign table"
        case (_, .unlogged): return "an unlogged table: its changes are not in the log"
        case (_, .temporary): return "a temporary table"
        default: break
        }
        if isPartition { return "a partition of \(root?.description ?? "a table that it is being detached from")" }
        if let parents { return "part of a table inheritance, under \(parents)" }
        if let children { return "part of a table inheritance, above \(children)" }
        if hasDeferrableKey { return "a table whose primary key is deferrable: two rows may share a key for a while" }
        if sharesItsName { return "a table whose name differs from another's only in how its characters are composed" }
        if Set(schema.columns.map(\.name)).count < schema.columns.count {
            return "a table with two columns whose names differ only in how their characters are composed"
        }
        for leaf in leaves {
            switch (leaf.kind, leaf.persistence) {
            case (.foreign, _): return "a partitioned table with a foreign table in it, \(leaf.name)"
            case (_, .unlogged): return "a partitioned table with an unlogged partition, \(leaf.name)"
            default: break
            }
        }
        return nil
    }

    /// Whether a choice of tables by name has this one. A partition is part of its root, and by itself only of a choice
    /// that its root can't be in, or that tears them apart; then it is refused (`refusal`).
    ///
    /// - Parameter tables: those asked for by name, in the place of schemas and exclusions; nil when there are none.
    package func isChosen(schemas: [String], excluded: Set<TableName>, tables: Set<TableName>?) -> Bool {
        if let tables { return tables.contains(name) }
        guard schemas.contains(name.schema) else { return false }
        guard let root else { return !excluded.contains(name) }
        let hasRoot = schemas.contains(root.schema) && !excluded.contains(root)
        return excluded.contains(name) ? hasRoot : !schemas.contains(root.schema)
    }
}
