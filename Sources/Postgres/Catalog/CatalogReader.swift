import Model

/// Puts tables together from the answers of `list_tables.sql` and `list_columns.sql`.
enum CatalogReader {
    static func tables(_ tables: QueryResult, columns: QueryResult, types: TypeCatalog) -> [CatalogTable] {
        let columnsByTable = Dictionary(grouping: columns.records) { $0.oid("table_oid") ?? 0 }
        let names = Dictionary(
            tables.records.map { ($0.oid("oid"), name($0)) }, uniquingKeysWith: { first, _ in first })
        let all = tables.records.compactMap { row -> CatalogTable? in
            guard let oid = row.oid("oid") else { return nil }
            let root = row.oid("root_oid").flatMap { names[$0] }
            return table(row, oid: oid, root: root, columns: columnsByTable[oid] ?? [], types)
        }
        let leaves = Dictionary(grouping: all.filter { $0.root != nil && $0.kind != .partitioned }) { $0.root }
        let counts = Dictionary(all.map { ($0.name, 1) }, uniquingKeysWith: +)
        return all.map { table in
            var table = table
            table.sharesItsName = counts[table.name] != 1
            if table.kind == .partitioned, table.root == nil { table.leaves = leaves[table.name] ?? [] }
            return table
        }
    }

    private static func name(_ row: QueryResult.Record) -> TableName {
        TableName(schema: row.text("schema_name"), name: row.text("table_name"))
    }

    private static func table(
        _ row: QueryResult.Record, oid: UInt32, root: TableName?, columns all: [QueryResult.Record],
        _ types: TypeCatalog
    ) -> CatalogTable {
        let columns = all.filter { !$0.bool("is_generated") }
        let schema = TableSchema(
            oid: oid, name: name(row),
            columns: columns.map {
                Column(
                    name: $0.text("column_name"), type: types.type($0.oid("type_oid") ?? 0),
                    isIdentity: $0.bool("is_identity"))
            },
            replicaIdentity: row.text("replica_identity").first.flatMap { ReplicaIdentity(rawValue: $0) } ?? .nothing)
        let key = all.compactMap { column in column.int("key_position").map { ($0, column.text("column_name")) } }
        let shape = TableShape(
            oid: oid,
            columns: zip(columns, schema.columns).map { row, column in
                TableShape.Column(
                    number: row.int("number") ?? 0, name: column.name, type: column.type.form,
                    modifier: Int32(clamping: row.int("type_modifier") ?? -1))
            })
        return CatalogTable(
            schema: schema, shape: shape,
            kind: row.text("kind").first.flatMap { .init(rawValue: $0) } ?? .ordinary,
            persistence: row.text("persistence").first.flatMap { .init(rawValue: $0) } ?? .permanent,
            isPartition: row.bool("is_partition"), root: root, parents: row["parents"], children: row["children"],
            primaryKey: key.sorted { $0.0 < $1.0 }.map(\.1),
            generatedColumns: all.filter { $0.bool("is_generated") }.map { $0.text("column_name") },
            modifiers: Dictionary(
                zip(columns, shape.columns).compactMap { row, column in
                    let modifier = column.modifier < 0 ? types.modifier(of: row.oid("type_oid") ?? 0) : column.modifier
                    return modifier < 0 ? nil : (column.name, modifier)
                }, uniquingKeysWith: { first, _ in first }),
            nullableColumns: Set(columns.filter { !$0.bool("is_not_null") }.map { $0.text("column_name") }),
            rowSecurity: .init(
                isEnabled: row.bool("has_row_security"), isForced: row.bool("is_row_security_forced"),
                isActive: row.bool("is_row_security_active")),
            hasDeferrableKey: row.bool("has_deferrable_key"), owner: row.text("owner"), isOwned: row.bool("is_owned"),
            isReadable: row.bool("is_selectable") && row.bool("is_schema_usable"),
            estimatedRows: row.int("estimated_rows") ?? 0,
            unsendableColumns: columns.filter { !types.isSendable($0.oid("type_oid") ?? 0) }
                .map { $0.text("column_name") })
    }
}
