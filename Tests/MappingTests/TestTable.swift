import Model

/// A table named public.t with these columns; all of them belong to the replica identity.
func testTable(_ columns: [(name: String, type: PostgresType)], identity: [String]? = nil) -> TableSchema {
    TableSchema(
        oid: 1, name: TableName(schema: "public", name: "t"),
        columns: columns.map {
            Column(name: $0.name, type: $0.type, isIdentity: identity?.contains($0.name) ?? true)
        },
        replicaIdentity: identity == nil ? .full : .primaryKey)
}

/// One row from values that lie one behind the other.
func testRow(_ values: [(kind: Field.Kind, bytes: [UInt8])]) -> Row {
    var bytes: [UInt8] = []
    var fields: [Field] = []
    for value in values {
        fields.append(Field(kind: value.kind, offset: UInt32(bytes.count), count: UInt32(value.bytes.count)))
        bytes += value.bytes
    }
    return Row(block: ByteBlock(copying: bytes), fields: fields)
}

/// A row in text form, nil for null.
func textRow(_ values: [String?]) -> Row {
    testRow(values.map { value in value.map { (.text, Array($0.utf8)) } ?? (.null, []) })
}
