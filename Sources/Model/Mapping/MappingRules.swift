/// What the configuration says of tables: of those that it names, and of all others.
package struct MappingRules: Sendable {
    package let named: [TableName: CollectionSettings]
    /// Of tables that are not named.
    package let standard: CollectionMapping

    package init(named: [TableName: CollectionSettings] = [:], standard: CollectionMapping = CollectionMapping()) {
        self.named = named
        self.standard = standard
    }

    package func mapping(of table: TableName) -> CollectionMapping { named[table]?.mapping ?? standard }

    /// Where the documents of a table go that a pipeline doesn't have yet.
    package func part(of table: TableName) -> CollectionPart {
        named[table]?.part ?? CollectionPart(table.defaultCollection)
    }

    /// The guard against writes of an application; nil without one.
    package func lastModified(of table: TableName) -> LastModified? { named[table]?.lastModified }
}
