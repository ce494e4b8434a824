import Mapping
import Model

/// Which collection each table goes to, and the mapping plan of each table version in use.
///
/// A new RELATION makes a new plan; the key's columns and the collection stay as they were decided at the first start.
package struct PlanTable: Sendable {
    private let states: [TableName: TableState]
    /// The names they are stored under, by oid: one survives a new name.
    private let names: [UInt32: TableName]
    private let rules: MappingRules
    private let showsPresent: Bool
    /// Whether some row may have to be read again instead of being written.
    package private(set) var mayReadAgain = false
    private var plans: [ObjectIdentifier: MappingPlan] = [:]
    /// Keeps the versions alive, so that no identifier is used twice.
    private var versions: [UInt32: TableVersion] = [:]
    /// Versions that newer ones have replaced; changes of theirs may still wait for their commit.
    private var replaced: [TableVersion] = []

    /// - Parameter showsPresent: whether the tables' stored columns are those of the catalogue, so that others are of
    ///   older versions.
    package init(tables: [TableState], rules: MappingRules = MappingRules(), showsPresent: Bool = false) {
        self.rules = rules
        self.showsPresent = showsPresent
        states = Dictionary(tables.map { ($0.table, $0) }, uniquingKeysWith: { first, _ in first })
        names = Dictionary(
            tables.compactMap { table in table.shape.map { ($0.oid, table.table) } },
            uniquingKeysWith: { first, _ in first })
    }

    private func state(of table: TableVersion) -> TableState? {
        states[names[table.schema.oid] ?? table.schema.name]
    }

    /// Whether the table is part of the pipeline.
    package func contains(_ table: TableVersion) -> Bool { state(of: table) != nil }

    /// The pipeline's tables.
    package var tables: [TableName] { states.keys.sorted() }

    /// Makes the plan of a table version.
    ///
    /// - Throws: `Failure(.configuration)` for a table that isn't part of the pipeline, or whose key no longer fits, or
    ///   whose guard has lost its column.
    package mutating func register(_ table: TableVersion) throws {
        guard let state = state(of: table) else {
            throw Failure(
                .configuration, "table \(table.schema.name) is in the publication but not in the pipeline",
                hint:
                    "Take it out again with ALTER PUBLICATION … DROP TABLE, or drop the pipeline and start anew with it."
            )
        }
        if let before = versions[table.schema.oid], before !== table { replaced.append(before) }
        versions[table.schema.oid] = table
        // A truncation shows no columns, and needs none.
        if table.isGone, !Set(state.keyColumns).isSubset(of: table.schema.columns.map(\.name)) { return }
        var mapping = rules.mapping(of: state.table)
        // The file names the table no more, which is one until a transaction is whole that is applied in part.
        if rules.named[state.table] == nil { mapping.discriminator = state.discriminator }
        let plan = try MappingPlan(
            schema: table.schema, collection: state.collection, keyColumns: state.keyColumns(in: table.schema),
            lastModified: rules.lastModified(of: state.table),
            mapping: mapping.fitted(
                to: table.schema,
                present: showsPresent && !table.isGone ? state.shape.map { Set($0.columns.map(\.name)) } : nil,
                isOlder: table.isGone || state.shape.map { !$0.agrees(with: table.schema) } ?? false,
                key: state.keyColumns(in: table.schema)))
        try PlanTable.requireSameKey(state, plan)
        plans[ObjectIdentifier(table)] = plan
        if plan.mayReadAgain { mayReadAgain = true }
    }

    /// A table that is gone, with the column of its guard: a deletion doesn't show it.
    package func completed(_ table: TableVersion) -> TableVersion {
        guard table.isGone, let state = state(of: table), let name = rules.lastModified(of: state.table)?.column,
            !table.schema.columns.contains(where: { $0.name == name })
        else { return table }
        let timestamptz = PostgresType(oid: 1184, name: "timestamp with time zone", shape: .base)
        return TableVersion(
            schema: TableSchema(
                oid: table.schema.oid, name: table.schema.name,
                columns: table.schema.columns + [Column(name: name, type: timestamptz, isIdentity: false)],
                replicaIdentity: table.schema.replicaIdentity),
            isGone: true)
    }

    /// A key whose values have become something else would miss every document that is there.
    static func requireSameKey(_ state: TableState, _ plan: MappingPlan) throws(Failure) {
        guard state.discriminator == plan.part.discriminator else {
            throw Failure(
                .configuration,
                "table \(state.table) has its documents in collection \(state.part), and the configuration says "
                    + "\(plan.part) now",
                hint:
                    "The discriminator is a part of _id, which the documents keep: put it back, or take the table out with "
                    + "`wherry tables remove \(state.table) --documents`, then add it again.")
        }
        guard !state.keyForms.isEmpty, plan.keyForms != state.keyForms else { return }
        throw Failure(
            .configuration,
            "the key of table \(state.table) has changed its type: it was \(state.keyForms.joined(separator: ", ")) in "
                + "collection \(state.collection), and is \(plan.keyForms.joined(separator: ", ")) now",
            hint:
                "The documents keep the old keys and would not be found. Remove the pipeline with `wherry drop` and run "
                + "it again for a new copy.")
    }

    /// Drops the plans of replaced versions: no change of theirs will come any more.
    package mutating func forgetReplaced() {
        for version in replaced { plans[ObjectIdentifier(version)] = nil }
        replaced = []
    }

    package func plan(for table: TableVersion) throws -> MappingPlan {
        guard let plan = plans[ObjectIdentifier(table)] else {
            throw Failure(.unexpected, "a change of \(table.schema.name) arrived before its relation")
        }
        return plan
    }

    /// Where the documents of a table are, whatever its version.
    package func part(of table: TableVersion) throws -> CollectionPart {
        guard let state = state(of: table) else { return try plan(for: table).part }
        return state.part
    }
}
