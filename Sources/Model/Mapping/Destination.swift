/// A table, and where documents of it are, or are to be.
package struct Destination: Hashable, Sendable {
    package let table: TableName
    package let part: CollectionPart

    package init(_ table: TableName, _ part: CollectionPart) {
        self.table = table
        self.part = part
    }
}

extension MappingRules {
    /// Every collection of these tables.
    package func destinations(of tables: [TableName]) -> [Destination] {
        tables.flatMap { table in parts(of: table).map { Destination(table, $0) } }
    }
}

extension TableState {
    package var destination: Destination { Destination(table, part) }
}
