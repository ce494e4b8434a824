import BSON
import Model
import TestSupport

@testable import Replication

/// A table of integers and texts, with everything a test needs around it.
struct SampleTable: Sendable {
    let version: TableVersion
    let keyIndices: [Int]

    var schema: TableSchema { version.schema }
    var collection: String { schema.name.defaultCollection }
    var keyColumns: [String] { keyIndices.map { schema.columns[$0].name } }
    var bodyIndices: [Int] { schema.columns.indices.filter { !keyIndices.contains($0) } }

    /// `columns` are texts, except those called `id` or `a`, which are int4. `key` is in key order.
    init(
        _ name: String = "t", oid: UInt32 = 1, columns: [String] = ["id", "name", "doc"], key: [String] = ["id"],
        identity: ReplicaIdentity = .primaryKey
    ) {
        let columns = columns.map { column in
            let isInteger = column == "id" || column == "a"
            return Column(
                name: column,
                type: PostgresType(oid: isInteger ? 23 : 25, name: isInteger ? "integer" : "text", shape: .base),
                isIdentity: identity == .full || key.contains(column))
        }
        let schema = TableSchema(
            oid: oid, name: TableName(schema: "public", name: name), columns: columns, replicaIdentity: identity)
        version = TableVersion(schema: schema)
        keyIndices = key.compactMap { name in columns.firstIndex { $0.name == name } }
    }

    /// A table with a schema of its own making, whose first column is the key.
    init(schema: TableSchema) {
        version = TableVersion(schema: schema)
        keyIndices = [0]
    }

    var state: TableState {
        TableState(table: schema.name, collection: collection, keyColumns: keyColumns, wasEmpty: true)
    }

    var source: SourceTable { SourceTable(schema: schema, primaryKey: keyColumns) }

    /// As a RELATION announces it.
    var relation: WireRelation {
        WireRelation(
            oid: schema.oid, name: schema.name, replicaIdentity: schema.replicaIdentity,
            columns: schema.columns.map {
                WireRelation.Column(name: $0.name, typeOID: $0.type.oid, typeModifier: -1, isIdentity: $0.isIdentity)
            })
    }

    /// - Parameter needed: a column of every table without which a row has to be read again.
    static func plans(_ tables: [SampleTable], needing needed: String? = nil) throws -> PlanTable {
        var plans = PlanTable(tables: tables.map(\.state), rules: SampleTable.rules(tables, needing: needed))
        for table in tables { try plans.register(table.version) }
        return plans
    }

    static func rules(_ tables: [SampleTable], needing column: String?) -> MappingRules {
        var mapping = CollectionMapping()
        mapping.filter = column.map(String.everyRow(needing:))
        return MappingRules(
            named: Dictionary(
                uniqueKeysWithValues: tables.map { table in
                    (table.schema.name, [CollectionSettings(collection: table.collection, mapping: mapping)])
                }))
    }

    // MARK: - Changes

    func insert(_ cells: Cell...) -> Change { .insert(version, new: Cell.row(cells)) }

    func update(old: OldRow? = nil, _ cells: Cell...) -> Change { .update(version, old: old, new: Cell.row(cells)) }

    func delete(_ cells: Cell...) -> Change { .delete(version, old: .key(Cell.row(cells))) }

    // MARK: - What MongoDB should hold

    /// `{_id: …}` of a row, made without the mapping.
    func key(of cells: [Cell]) -> BSONDocument { ["_id": id(of: cells)] }

    /// The document of a whole row, made without the mapping.
    func document(of cells: [Cell]) -> BSONDocument {
        BSONDocument([("_id", id(of: cells))] + bodyIndices.map { (schema.columns[$0].name, value(cells, $0)) })
    }

    private func id(of cells: [Cell]) -> BSONValue {
        if keyIndices.count == 1 { return value(cells, keyIndices[0]) }
        return .document(BSONDocument(keyIndices.map { (schema.columns[$0].name, value(cells, $0)) }))
    }

    private func value(_ cells: [Cell], _ index: Int) -> BSONValue {
        guard case .text(let text) = cells[index] else { return .null }
        return schema.columns[index].type.oid == 23 ? .int32(Int32(text) ?? 0) : .string(text)
    }
}
