import BSON

/// An index of a collection, as the configuration asks for it.
package struct CollectionIndex: Hashable, Sendable {
    package struct Key: Hashable, Sendable {
        /// Of the field: `shipping.city`, `_id.tenant_id`.
        package let path: String
        package let isDescending: Bool

        package init(_ path: String, isDescending: Bool = false) {
            self.path = path
            self.isDescending = isDescending
        }
    }

    /// A field that has to have a value for a document to be in the index.
    package struct Condition: Hashable, Sendable {
        package let path: String
        package let value: BSONValue

        package init(path: String, value: BSONValue) {
            self.path = path
            self.value = value
        }
    }

    /// What strings are taken for equal (MongoDB manual, "Collation").
    package struct Collation: Hashable, Sendable {
        package let locale: String
        /// 1 to 5; 2 ignores upper and lower case, 1 accents too.
        package let strength: Int

        package init(locale: String, strength: Int) {
            self.locale = locale
            self.strength = strength
        }
    }

    package let name: String
    /// At least one.
    package let keys: [Key]
    package var isUnique = false
    /// Documents in which a field of the keys is null or missing are not in it.
    package var isSparse = false
    /// Only documents of which all of these are true are in it; sorted by path.
    package var conditions: [Condition] = []
    package var collation: Collation?

    package init(name: String, keys: [Key]) {
        self.name = name
        self.keys = keys
    }
}
