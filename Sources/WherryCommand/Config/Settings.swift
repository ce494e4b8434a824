import Model
import Replication

/// Everything a pipeline needs to know, merged, defaulted and checked: what `Wiring` builds the adapters from.
package struct Settings: Sendable, Equatable {
    package var pipeline: String
    package var source: Source
    package var target: Target
    package var backfill: Backfill
    package var apply: Apply
    /// What becomes of changed columns and new tables.
    package var schemaChanges = SchemaChangePolicy.follow

    package struct Source: Sendable, Equatable {
        package var uri: SourceURI
        /// At least one.
        package var schemas: [String]
        package var excluded: Set<TableName>
        /// The tables named, by `--tables` or the configuration, in the place of schemas and exclusions; nil when none
        /// are.
        package var tables: Set<TableName>?
        /// Whether it was `--tables` that named them.
        package var picksTables = false
        /// What the configuration says of the tables it names; nil when it names none.
        package var collections: [TableName: [CollectionSettings]]?
        /// What becomes of the rows of tables that the configuration doesn't name.
        package var mapping = CollectionMapping()
        package var plugin: OutputPlugin
        package var slot: String
        package var publication: String
        /// Whether the publication leaves out the rows that `where` doesn't take, where it can.
        package var rowFilters = false

        package var rules: MappingRules { MappingRules(named: collections ?? [:], standard: mapping) }
    }

    package struct Target: Sendable, Equatable {
        package var uri: TargetURI
        /// Of Wherry's own state; never the database of the documents.
        package var stateDatabase: String
    }

    package struct Backfill: Sendable, Equatable {
        package var mode: BackfillMode
        /// 1 to 64.
        package var workers: Int
        /// Most rows of one chunk of a live backfill; 1 to 100,000.
        package var maxChunkRows: Int
        /// By the configuration, with what applies when it says nothing; `wherry set` may have set others over them.
        package var limits = BackfillLimits.standard
    }

    package struct Apply: Sendable, Equatable {
        /// 1 to 100,000.
        package var maxBatchOperations: Int
        /// 64 KiB to 256 MiB.
        package var maxBatchBytes: Int
        package var onRefused = RefusalPolicy.fail
    }

    /// What slots and publications are called unless somebody chose another name: `wherry_<pipeline>`.
    package static func defaultSlot(of pipeline: String) -> String { "wherry_\(pipeline)" }
}

/// Both servers without a pipeline: what `wherry pipelines` needs.
package struct Endpoints: Sendable, Equatable {
    package let source: SourceURI
    package let target: TargetURI
    package let stateDatabase: String
}

/// The source without a pipeline: what `wherry init` reads.
package struct DraftSource: Sendable, Equatable {
    package let uri: SourceURI
    package let schemas: [String]
    package let excluded: Set<TableName>
}
