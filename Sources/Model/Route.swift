/// A table on its way into one of its collections: what a pipeline's state, its backfills and their progress are kept
/// by.
package struct Route: Hashable, Comparable, Sendable, CustomStringConvertible {
    package var table: TableName
    /// nil for the table's first collection, whatever that is called; decided when it joined, and kept.
    package let collection: String?

    package init(_ table: TableName, into collection: String? = nil) {
        self.table = table
        self.collection = collection
    }

    /// For people: `public.orders`, or `public.orders into open_orders`.
    package var description: String { collection.map { "\(table) into \($0)" } ?? table.description }

    package static func < (left: Route, right: Route) -> Bool {
        (left.table, left.collection ?? "") < (right.table, right.collection ?? "")
    }
}
