import Model
import Postgres

/// What drafts and the checks of a mapping look at of a table.
struct DraftTable: Sendable {
    let schema: TableSchema
    /// In the key's order; empty without a key.
    let primaryKey: [String]
    /// By column, its length or precision: `CatalogTable.modifiers`.
    var modifiers: [String: Int32] = [:]
    /// Columns that may hold NULL.
    var nullableColumns: Set<String> = []
    var generatedColumns: [String] = []
    /// The planner's estimate; 0 for a table never analysed.
    var estimatedRows = 0
    /// Why it can't be replicated, in words; nil when it can.
    var refusal: String?

    var name: TableName { schema.name }
}

extension DraftTable {
    init(_ table: CatalogTable) {
        self.init(
            schema: table.schema, primaryKey: table.primaryKey, modifiers: table.modifiers,
            nullableColumns: table.nullableColumns,
            generatedColumns: table.generatedColumns, estimatedRows: table.estimatedRows,
            refusal: table.refusal ?? (table.primaryKey.isEmpty ? "a table without a primary key" : nil))
    }
}
