import Model

/// A table that would be part of the pipeline, or have one more collection there, and hasn't yet. Another one whenever
/// what stands in its way has changed.
package struct Outsider: Hashable, Comparable, Sendable {
    package let destination: Destination
    /// Why it can't be carried; nil when it can.
    package let refusal: String?
    package let isPublished: Bool

    package var table: TableName { destination.table }
    package var collection: String { destination.part.collection }

    package static func < (left: Outsider, right: Outsider) -> Bool {
        (left.table, left.collection) < (right.table, right.collection)
    }

    /// - Parameters:
    ///   - states: every table of the pipeline, those that are joining too.
    ///   - joinsBy: whether a table that no operator has named joins.
    static func find(
        _ catalogue: [CatalogueTable], _ states: [TableState], left: Set<LeftTable>, published: Set<TableName>,
        rules: MappingRules, joinsBy: (CatalogueTable) -> Bool
    ) -> Set<Outsider> {
        let own = Dictionary(grouping: states, by: \.table)
        let oids = Set(states.filter { $0.membership == .member }.compactMap(\.shape?.oid))
        let ordered = Set(left.filter(\.isOrdered).map(\.table))
        return Set(
            catalogue.flatMap { table -> [Outsider] in
                let known = own[table.name] ?? []
                var missing = known.filter { $0.membership == .joining }.map(\.destination)
                let mayJoin = !ordered.contains(table.name) && !known.contains { $0.membership.isLeaving }
                // A table that isn't named keeps the collection it has got, under whatever name.
                let isWanted =
                    known.isEmpty ? !oids.contains(table.shape.oid) && joinsBy(table) : rules.named[table.name] != nil
                if mayJoin, isWanted {
                    let collections = Set(known.map(\.collection))
                    missing += rules.destinations(of: [table.name]).filter { !collections.contains($0.part.collection) }
                }
                return missing.map {
                    Outsider(
                        destination: $0, refusal: table.refusal?.message, isPublished: published.contains(table.name))
                }
            })
    }
}
