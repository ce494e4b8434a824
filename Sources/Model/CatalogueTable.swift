/// A table of the source as a start of the stream looks at it, carried or not.
package struct CatalogueTable: Hashable, Sendable {
    package let table: SourceTable
    package let shape: TableShape
    /// Why it can't be carried, with what would mend that; nil when it can.
    package let refusal: Finding?
    /// Whether the configuration chooses it.
    package let isChosen: Bool

    package init(table: SourceTable, shape: TableShape, refusal: Finding?, isChosen: Bool) {
        self.table = table
        self.shape = shape
        self.refusal = refusal
        self.isChosen = isChosen
    }

    package var name: TableName { table.schema.name }
}
