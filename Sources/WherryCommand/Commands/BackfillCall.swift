import ArgumentParser
import Model

/// What `wherry backfill` was asked to do.
package struct BackfillCall: Sendable, Equatable {
    package enum Action: Sendable, Equatable {
        /// - Parameter gone: nil leaves it to what the pipeline knows of the collection.
        case ask(condition: String?, gone: GoneRows?)
        case order(BackfillOrder)
    }

    package let settings: Settings
    package let table: TableName
    /// Which of its collections; nil where it has one.
    package let collection: String?
    package let action: Action
    /// Whether the command ends only when the backfill does.
    package let waits: Bool
}

/// What becomes of documents whose rows are gone.
package enum GoneRows: String, CaseIterable, Sendable, ExpressibleByArgument {
    case remove, keep
}
