import Model

/// What a pipeline wants of its source, for the preflight.
package struct PreflightScope: Sendable {
    /// What the state database says of the pipeline: before its first start everything is looked for, later only what it
    /// carries.
    package enum Pipeline: Sendable {
        /// It could not be read.
        case unknown
        case new
        /// The tables of its first start; the checkpoint once the initial copy is whole.
        case begun(tables: Set<TableName>, checkpoint: LSN?)
    }

    package var schemas: [String]
    package var excluded: Set<TableName>
    /// The output plugin of the slot: `pgoutput`.
    package var plugin: String
    package var pipeline: Pipeline

    package init(
        schemas: [String], excluded: Set<TableName> = [], plugin: String = "pgoutput", pipeline: Pipeline = .new
    ) {
        self.schemas = schemas
        self.excluded = excluded
        self.plugin = plugin
        self.pipeline = pipeline
    }

    /// Whether the configuration names the table.
    func names(_ table: TableName) -> Bool { schemas.contains(table.schema) && !excluded.contains(table) }

    /// Whether the pipeline carries the table, or would if it began now.
    func carries(_ table: TableName) -> Bool {
        guard case .begun(let tables, _) = pipeline else { return names(table) }
        return tables.contains(table)
    }

    /// How far the stream is applied; nil before the copy is whole.
    var checkpoint: LSN? {
        guard case .begun(_, let checkpoint) = pipeline else { return nil }
        return checkpoint
    }
}
