/// A leaf of a partitioned table, at any depth: a heap with rows of its own.
package struct Partition: Hashable, Sendable {
    /// `pg_class.oid`. It survives renames.
    package let oid: UInt32
    /// As it was when it was planned.
    package let name: TableName

    package init(oid: UInt32, name: TableName) {
        self.oid = oid
        self.name = name
    }
}

extension TableSchema {
    /// The table as a leaf of it is read: the leaf's heap, and the table's own columns in their order. (A leaf has all
    /// of them by name and type, in an order of its own.) Without a leaf the table itself.
    package func part(_ leaf: Partition?) -> TableSchema {
        guard let leaf else { return self }
        return TableSchema(oid: leaf.oid, name: leaf.name, columns: columns, replicaIdentity: replicaIdentity)
    }
}
