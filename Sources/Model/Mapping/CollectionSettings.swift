/// What the configuration says of one table that it names.
package struct CollectionSettings: Hashable, Sendable {
    package let collection: String
    /// The guard against writes of an application; nil without one.
    package let lastModified: LastModified?
    package let mapping: CollectionMapping
    /// To be made once the rows are there.
    package let indexes: [CollectionIndex]

    /// Where the table's documents are.
    package var part: CollectionPart { CollectionPart(collection, mapping.discriminator) }

    package init(
        collection: String, lastModified: LastModified? = nil, mapping: CollectionMapping = CollectionMapping(),
        indexes: [CollectionIndex] = []
    ) {
        self.collection = collection
        self.lastModified = lastModified
        self.mapping = mapping
        self.indexes = indexes
    }
}
