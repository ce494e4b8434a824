import Model
import Postgres

/// What drafts and index checks look at of a table.
struct DraftTable: Sendable {
    let schema: TableSchema
    /// In the key's order; empty without a key.
    let primaryKey: [String]
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
            schema: table.schema, primaryKey: table.primaryKey, nullableColumns: table.nullableColumns,
            generatedColumns: table.generatedColumns, estimatedRows: table.estimatedRows,
            refusal: table.refusal ?? (table.primaryKey.isEmpty ? "a table without a primary key" : nil))
    }
}
