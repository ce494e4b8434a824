import Model

/// Whether columns can be a collection's `_id`.
struct KeyCheck {
    let schema: TableSchema
    let keyColumns: [String]

    /// The key's columns in key order. Throws a `Failure` of kind `.configuration`.
    func keys() throws(Failure) -> [(index: Int, codec: ValueCodec)] {
        guard !keyColumns.isEmpty else {
            throw Failure(
                .configuration, "table \(schema.name) has no key",
                hint: "Add a primary key, or leave the table out of the pipeline.")
        }
        if let repeated = keyColumns.indices.first(where: { keyColumns[..<$0].contains(keyColumns[$0]) }) {
            throw Failure(
                .configuration, "the key of table \(schema.name) names column \(keyColumns[repeated]) twice",
                hint: "Name every column of the key once.")
        }
        var keys: [(index: Int, codec: ValueCodec)] = []
        for name in keyColumns { keys.append(try key(name)) }
        return keys
    }

    private func key(_ name: String) throws(Failure) -> (index: Int, codec: ValueCodec) {
        guard let index = schema.columns.firstIndex(where: { $0.name == name }) else {
            throw Failure(
                .configuration, "table \(schema.name) has no column \(name) to be its key",
                hint: "Name columns that the table has and the publication carries.")
        }
        let column = schema.columns[index]
        guard column.isIdentity else {
            throw Failure(
                .configuration, "key column \(name) of table \(schema.name) is not in its replica identity",
                hint: "A change of the key would not be seen. Choose the key's index with "
                    + "ALTER TABLE \(schema.name.quoted) REPLICA IDENTITY, or use FULL.")
        }
        guard let codec = ValueCodec(column.type).forKey else {
            throw Failure(
                .configuration,
                "key column \(name) of table \(schema.name) has type \(column.type.name), which can't be an _id",
                hint: "MongoDB takes no array as _id, and some types have no exact equality. Change the "
                    + "primary key, or leave the table out.")
        }
        return (index, codec)
    }
}
