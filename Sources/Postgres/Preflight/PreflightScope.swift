import Model

/// What a pipeline wants of its source, for the preflight.
package struct PreflightScope: Sendable {
    /// What the state database says of the pipeline: before its first start everything is looked for, later only what
    /// it carries.
    package enum Pipeline: Sendable {
        /// It could not be read: nothing can be said about tables.
        case unknown
        case new
        /// Its first start has decided its tables; `streaming` once the initial copy is whole.
        case begun(tables: Set<TableName>, streaming: Bool)
    }

    package var schemas: [String]
    package var excluded: Set<TableName>
    /// The tables asked for by name, in the place of schemas; nil when there are none.
    package var tables: Set<TableName>?
    /// Whether a stream is to follow the copy; without, nothing is asked that only slot and publication need.
    package var needsStream: Bool
    /// Whether rows are to be read beside the stream (`backfill.mode: live`).
    package var isLive: Bool
    /// The output plugin of the slot: an `OutputPlugin`.
    package var plugin: String
    package var pipeline: Pipeline
    /// Whether tables that the configuration chooses join a pipeline that has begun.
    package var letsTablesJoin = false
    /// The pipeline's tables as the source knows them, by the names they are stored under: one may have another by now.
    package var oids: [TableName: UInt32] = [:]
    /// Tables that are not to be part of the pipeline.
    package var left: Set<TableName> = []

    package init(
        schemas: [String], excluded: Set<TableName> = [], tables: Set<TableName>? = nil, needsStream: Bool = true,
        isLive: Bool = false, plugin: String = "pgoutput", pipeline: Pipeline = .new
    ) {
        self.schemas = schemas
        self.excluded = excluded
        self.tables = tables
        self.needsStream = needsStream
        self.isLive = isLive
        self.plugin = plugin
        self.pipeline = pipeline
    }

    /// Whether rows are still to be read beside the stream, as far as it is known.
    var fillsLive: Bool {
        if case .begun(_, streaming: true) = pipeline { return false }
        return isLive
    }

    /// Whether the configuration names the table.
    func names(_ table: CatalogTable) -> Bool {
        table.isChosen(schemas: schemas, excluded: excluded, tables: tables)
    }

    /// Whether the pipeline carries the table, or would if it began now.
    func carries(_ table: CatalogTable) -> Bool {
        switch pipeline {
        case .unknown: false
        case .new: names(table)
        case .begun(let tables, _): tables.contains(table.name) || oids.values.contains(table.schema.oid)
        }
    }

    /// The tables of its first start; nil before.
    var begunTables: Set<TableName>? {
        guard case .begun(let tables, _) = pipeline else { return nil }
        return tables
    }

    var isStreaming: Bool {
        guard case .begun(_, streaming: true) = pipeline else { return false }
        return true
    }
}
