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
    package let kind: Kind
    package let persistence: Persistence
    /// A leaf or branch of a partitioned table.
    package let isPartition: Bool
    /// Has children, or a parent, by `INHERITS` or by partitioning.
    package let hasChildren: Bool
    package let hasParent: Bool
    /// The primary key's columns in the key's order; empty without a key.
    package let primaryKey: [String]
    package let generatedColumns: [String]
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
    /// Pages of the main fork.
    package let pages: Int
    /// Columns whose type the server can't send in binary at all.
    package let unsendableColumns: [String]

    package struct RowSecurity: Hashable, Sendable {
        package let isEnabled: Bool
        package let isForced: Bool
        /// Whether policies filter what this role reads.
        package let isActive: Bool
    }

    package var name: TableName { schema.name }

    /// Why it can't be replicated whatever the configuration says, in words; nil when it can.
    package var refusal: String? {
        switch (kind, persistence) {
        case (.partitioned, _): return "a partitioned table"
        case (.foreign, _): return "a foreign table"
        case (_, .unlogged): return "an unlogged table: its changes are not in the log"
        case (_, .temporary): return "a temporary table"
        default: break
        }
        if isPartition { return "a partition" }
        if hasChildren || hasParent { return "part of a table inheritance" }
        if hasDeferrableKey { return "a table whose primary key is deferrable: two rows may share a key for a while" }
        return nil
    }
}
