import Model

extension TableState {
    /// The key's columns as a version of the table calls them. A key of one column is told by the replica identity when
    /// that has had another name: its documents hold the bare value.
    func keyColumns(in schema: TableSchema) -> [String] {
        guard keyColumns.count == 1, !schema.columns.contains(where: { $0.name == keyColumns[0] }) else {
            return keyColumns
        }
        let identity = schema.columns.filter(\.isIdentity).map(\.name)
        return schema.replicaIdentity == .primaryKey && identity.count == 1 ? identity : keyColumns
    }

    /// The key's columns as the catalogue calls them now, by the numbers that they had.
    func keyColumns(in shape: TableShape) -> [String] {
        guard keyColumns.count == 1, let known = self.shape?.columns.first(where: { $0.name == keyColumns[0] }),
            let column = shape.columns.first(where: { $0.number == known.number })
        else { return keyColumns }
        return [column.name]
    }
}
