import Model

/// What a pipeline wants of its source, for the preflight.
package struct PreflightScope: Sendable {
    package var schemas: [String]
    package var excluded: Set<TableName>
    /// The output plugin of the slot: `pgoutput`.
    package var plugin: String

    package init(schemas: [String], excluded: Set<TableName> = [], plugin: String = "pgoutput") {
        self.schemas = schemas
        self.excluded = excluded
        self.plugin = plugin
    }
}
