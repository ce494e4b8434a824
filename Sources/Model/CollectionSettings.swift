/// What the configuration says of one table that it names.
package struct CollectionSettings: Hashable, Sendable {
    package let collection: String
    /// The guard against writes of an application; nil without one.
    package let lastModified: LastModified?
    /// Columns that more than their own field is made of.
    package var rereadColumns: Set<String> = []

    package init(collection: String, lastModified: LastModified? = nil) {
        self.collection = collection
        self.lastModified = lastModified
    }
}
