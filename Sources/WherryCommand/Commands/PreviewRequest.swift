import BSON
import Model

/// What `wherry preview` is asked for.
package struct PreviewRequest: Sendable, Equatable {
    package let settings: Settings
    package let table: TableName
    /// Which of its collections; nil where it has one.
    package let collection: String?
    /// As they were given, each the key of one row; the first rows of the table when there are none.
    package let keys: [String]
    /// How many documents to show without keys.
    package let limit: Int
}

/// Documents as the mapping makes them now.
package struct Preview: Sendable, Equatable {
    /// A row that makes no document.
    package struct Refusal: Sendable, Equatable {
        /// As it was given, or as PostgreSQL prints it.
        package let key: String
        package let failure: Failure
    }

    package var documents: [BSONDocument] = []
    package var refusals: [Refusal] = []
    /// Keys, as they were given, that no row has.
    package var missing: [String] = []
    /// Keys, as they were given, of rows that 'where' leaves out.
    package var leftOut: [String] = []
    /// How many rows were looked at where no keys were given.
    package var rowsRead = 0
    /// Whether a pipeline with these settings has the table.
    package var isChosen = true
}
