import Model

/// What the source holds.
extension PostgresSource {
    /// The tables of the given schemas, by name: ordinary, partitioned and foreign ones, replicable or not
    /// (`CatalogTable.refusal`).
    package func tables(schemas: [String]) async throws -> [CatalogTable] {
        try await allTables().filter { schemas.contains($0.name.schema) }
    }

    /// The indexes of all tables but those of primary keys, by the table's oid.
    package func indexes() async throws -> [UInt32: [CatalogIndex]] {
        CatalogIndex.all(try await ask(CatalogQuery.indexes, doing: "read the indexes"))
    }

    func allTables() async throws -> [CatalogTable] {
        let tables = try await ask(CatalogQuery.tables, doing: "read the tables")
        let columns = try await ask(CatalogQuery.columns, doing: "read the columns")
        // Whoever lists the tables begins something, or begins it again after a type has changed.
        forgetTypes()
        let types = try await types(for: columns.records.compactMap { $0.oid("type_oid") })
        return CatalogReader.tables(tables, columns: columns, types: types).sorted { $0.name < $1.name }
    }
}
