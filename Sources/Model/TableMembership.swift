/// Whether a pipeline carries a table. What an operator asks for, the next start of the stream settles.
package enum TableMembership: Hashable, Sendable {
    case member
    /// To be published, and read beside the stream.
    case joining
    /// To be taken out; its documents too, where they are Wherry's alone.
    case leaving(deletesDocuments: Bool)

    package var isLeaving: Bool { if case .leaving = self { true } else { false } }
}

/// What an operator wants of a table that is there.
package enum TableOrder: Hashable, Sendable {
    case leave(deletesDocuments: Bool)
    /// To go on after a change of its columns that `schema_changes` holds back.
    case acceptChange
}

/// A table that was part of a pipeline, or could be, and is not to be.
package struct LeftTable: Hashable, Sendable {
    package let table: TableName
    /// `wherry tables remove` wanted that, whatever the configuration says; else it was the configuration.
    package let isOrdered: Bool

    package init(table: TableName, isOrdered: Bool) {
        self.table = table
        self.isOrdered = isOrdered
    }
}

/// What a start writes of a table.
package struct TableUpdate: Hashable, Sendable {
    /// As it was read, under the name it is stored under; nil of one that is new.
    package let before: TableState?
    package let table: TableState

    package init(_ before: TableState?, to table: TableState) {
        self.before = before
        self.table = table
    }

    /// What it is stored under.
    package var stored: Route { before?.route ?? table.route }
}
