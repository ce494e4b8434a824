import BSON
import Model

/// What `wherry preview` is asked for.
package struct PreviewRequest: Sendable, Equatable {
    package let settings: Settings
    package let table: TableName
    /// As they were given, each the key of one row; the first rows of the table when there are none.
    package let keys: [String]
    /// How many rows to read without keys.
    package let limit: Int
}

/// Documents as the mapping makes them now.
package struct Preview: Sendable, Equatable {
    package let collection: String
    package let documents: [BSONDocument]
    /// Of the keys that were asked for.
    package let rowsMissing: Int
}
