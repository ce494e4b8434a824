import Model

/// What `wherry tables` was asked to do.
package struct TablesCall: Sendable, Equatable {
    package enum Action: Sendable, Equatable {
        case list
        /// - Parameter adopts: collections that hold documents already are accepted.
        case add([TableName], adopts: Bool)
        /// - Parameter documents: their documents are deleted too.
        case remove([TableName], documents: Bool)
    }

    package let settings: Settings
    package let action: Action
}
