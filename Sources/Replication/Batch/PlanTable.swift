import Mapping
import Model

/// Which collection each table goes to, and the mapping plan of each table version in use.
///
/// A new RELATION makes a new plan; the key's columns and the collection stay as they were decided at the first start.
package struct PlanTable: Sendable {
    /// By table, the first collection first.
    private let states: [TableName: [TableState]]
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
    /// Of a table with several collections, or with one that leaves: what stands for it in each, by the version of the
    /// stream.
    private var copies: [ObjectIdentifier: [TableVersion]] = [:]

    /// - Parameter showsPresent: whether the tables' stored columns are those of the catalogue, so that others are of
    ///   older versions.
    package init(tables: [TableState], rules: MappingRules = MappingRules(), showsPresent: Bool = false) {
        self.rules = rules
        self.showsPresent = showsPresent
        states = Dictionary(grouping: tables, by: \.table).mapValues { $0.sorted { $0.route < $1.route } }
        names = Dictionary(
            tables.sorted { !$0.membership.isLeaving && $1.membership.isLeaving }
                .compactMap { table in table.shape.map { ($0.oid, table.table) } },
            uniquingKeysWith: { first, _ in first })
    }

    private func states(of table: TableVersion) -> [TableState] {
        states[names[table.schema.oid] ?? table.schema.name] ?? []
    }

    /// Whether the table is part of the pipeline.
    package func contains(_ table: TableVersion) -> Bool { !states(of: table).isEmpty }

    /// The pipeline's tables.
    package var tables: [TableName] { states.keys.sorted() }

    /// Makes the plans of a table version, one for each of its collections.
    ///
    /// - Throws: `Failure(.configuration)` for a table that isn't part of the pipeline, or whose key no longer fits, or
    ///   whose guard has lost its column.
    package mutating func register(_ table: TableVersion) throws {
        let states = states(of: table)
        guard !states.isEmpty else {
            throw Failure(
                .configuration, "table \(table.schema.name) is in the publication but not in the pipeline",
                hint:
                    "To replicate it: `wherry tables add \(table.schema.name)`, then start again. If somebody only published "
                    + "it, take it out again with ALTER PUBLICATION … DROP TABLE.")
        }
        if let before = versions[table.schema.oid], before !== table { replaced.append(before) }
        versions[table.schema.oid] = table
        if states.count > 1 || !isCarried(states[0]), copies[ObjectIdentifier(table)] == nil {
            copies[ObjectIdentifier(table)] =
                [table] + states.dropFirst().map { _ in TableVersion(schema: table.schema, isGone: table.isGone) }
        }
        for (version, state) in zip(copies[ObjectIdentifier(table)] ?? [table], states) where isCarried(state) {
            // A truncation shows no columns, and needs none.
            if table.isGone, !Set(state.keyColumns).isSubset(of: table.schema.columns.map(\.name)) { continue }
            let plan = try PlanTable.plan(of: state, for: version, by: rules, showsPresent: showsPresent)
            plans[ObjectIdentifier(version)] = plan
            if plan.mayReadAgain { mayReadAgain = true }
        }
    }

    /// Whether its rows are written. One that leaves once a transaction is whole that is applied in part is only counted: the
    /// file may have no mapping for it any more, and nothing is read of it again.
    private func isCarried(_ state: TableState) -> Bool {
        !state.membership.isLeaving && (rules.named.isEmpty || rules.settings(of: state) != nil)
    }

    /// The plan of a table version in one of its collections.
    ///
    /// - Throws: as `register`.
    static func plan(
        of state: TableState, for table: TableVersion, by rules: MappingRules, showsPresent: Bool = false
    ) throws -> MappingPlan {
        var mapping = rules.mapping(of: state)
        // The file names the table no more, which is one until a transaction is whole that is applied in part.
        if rules.settings(of: state) == nil { mapping.discriminator = state.discriminator }
        let plan = try MappingPlan(
            schema: table.schema, collection: state.collection, keyColumns: state.keyColumns(in: table.schema),
            lastModified: rules.lastModified(of: state),
            mapping: mapping.fitted(
                to: table.schema,
                present: showsPresent && !table.isGone ? state.shape.map { Set($0.columns.map(\.name)) } : nil,
                isOlder: table.isGone || state.shape.map { !$0.agrees(with: table.schema) } ?? false,
                key: state.keyColumns(in: table.schema)))
        try requireSameKey(state, plan)
        return plan
    }

    /// The change once for each collection of its table, of versions of the table that each have a plan of their own;
    /// without one for those that leave. nil where the table has one collection, and the change is that.
    package func copies(of change: Change) -> [Change]? {
        if copies.isEmpty { return nil }
        switch change {
        case .insert(let table, let new): return copies(of: table)?.map { .insert($0, new: new) }
        case .update(let table, let old, let new): return copies(of: table)?.map { .update($0, old: old, new: new) }
        case .delete(let table, let old): return copies(of: table)?.map { .delete($0, old: old) }
        case .truncate: return nil
        }
    }

    private func copies(of table: TableVersion) -> [TableVersion]? {
        copies[ObjectIdentifier(table)]?.filter { plans[ObjectIdentifier($0)] != nil }
    }

    /// A table that is gone, with the column of its guard: a deletion doesn't show it.
    package func completed(_ table: TableVersion) -> TableVersion {
        guard table.isGone else { return table }
        let guards = Set(states(of: table).compactMap { rules.lastModified(of: $0)?.column })
        let missing = guards.subtracting(table.schema.columns.map(\.name)).sorted()
        if missing.isEmpty { return table }
        let timestamptz = PostgresType(oid: 1184, name: "timestamp with time zone", shape: .base)
        return TableVersion(
            schema: TableSchema(
                oid: table.schema.oid, name: table.schema.name,
                columns: table.schema.columns
                    + missing.map { Column(name: $0, type: timestamptz, isIdentity: false) },
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
                    "The discriminator is a part of _id, which the documents keep: put it back. Or take the table out with "
                    + "`wherry tables remove \(state.table) --documents`, which empties all collections that it has to itself, "
                    + "and add it again: it is read anew.")
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
        for version in replaced {
            for copy in copies[ObjectIdentifier(version)] ?? [version] { plans[ObjectIdentifier(copy)] = nil }
            copies[ObjectIdentifier(version)] = nil
        }
        replaced = []
    }

    package func plan(for table: TableVersion) throws -> MappingPlan {
        guard let plan = plans[ObjectIdentifier(table)] else {
            throw Failure(.unexpected, "a change of \(table.schema.name) arrived before its relation")
        }
        return plan
    }

    /// Where the documents of a table are, whatever its version; without those that leave with their documents in place.
    package func parts(of table: TableVersion) -> [CollectionPart] {
        states(of: table).filter { isCarried($0) }.map(\.part)
    }
}
