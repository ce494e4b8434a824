import Model

/// A table that would be part of the pipeline, and isn't yet. Another one whenever what stands in its way has changed.
package struct Outsider: Hashable, Sendable {
    package let table: TableName
    /// Why it can't be carried; nil when it can.
    package let refusal: String?
    package let isPublished: Bool

    /// - Parameters:
    ///   - states: every table of the pipeline, those that are joining too.
    ///   - joinsBy: whether a table that no operator has named joins.
    static func find(
        _ catalogue: [CatalogueTable], _ states: [TableState], left: Set<LeftTable>, published: Set<TableName>,
        joinsBy: (CatalogueTable) -> Bool
    ) -> Set<Outsider> {
        let members = Dictionary(states.map { ($0.table, $0.membership) }, uniquingKeysWith: { first, _ in first })
        let oids = Set(states.filter { $0.membership == .member }.compactMap(\.shape?.oid))
        let ordered = Set(left.filter(\.isOrdered).map(\.table))
        let outside = catalogue.filter { table in
            if members[table.name] == .joining { return true }
            return members[table.name] == nil && !oids.contains(table.shape.oid) && !ordered.contains(table.name)
                && joinsBy(table)
        }
        return Set(
            outside.map {
                Outsider(table: $0.name, refusal: $0.refusal?.message, isPublished: published.contains($0.name))
            })
    }
}
