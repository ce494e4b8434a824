/// What the configuration says of tables: of those that it names, and of all others.
package struct MappingRules: Sendable {
    /// By the collections that each goes to, at least one; the first one of a new pipeline is its `Route` without a name.
    package let named: [TableName: [CollectionSettings]]
    /// Of tables that are not named.
    package let standard: CollectionMapping

    package init(named: [TableName: [CollectionSettings]] = [:], standard: CollectionMapping = CollectionMapping()) {
        self.named = named
        self.standard = standard
    }

    /// What is said of a table in one of its collections; nil where it isn't named.
    package func settings(of table: TableName, into collection: String) -> CollectionSettings? {
        named[table]?.first { $0.collection == collection }
    }

    package func mapping(of table: TableName, into collection: String) -> CollectionMapping {
        settings(of: table, into: collection)?.mapping ?? standard
    }

    /// Where the documents of a table go that a pipeline doesn't have yet.
    package func parts(of table: TableName) -> [CollectionPart] {
        named[table]?.map(\.part) ?? [CollectionPart(table.defaultCollection)]
    }
}

extension MappingRules {
    package func settings(of state: TableState) -> CollectionSettings? {
        settings(of: state.table, into: state.collection)
    }

    package func mapping(of state: TableState) -> CollectionMapping {
        mapping(of: state.table, into: state.collection)
    }

    /// The guard against writes of an application; nil without one.
    package func lastModified(of state: TableState) -> LastModified? { settings(of: state)?.lastModified }
}
