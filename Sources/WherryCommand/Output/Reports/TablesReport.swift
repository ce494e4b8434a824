import Model

/// `wherry tables`: the tables a pipeline has, and those it could have.
package struct TablesReport: Report, Equatable {
    package struct Table: Encodable, Sendable, Equatable {
        package let table: String
        /// The one it goes into, or would.
        package let collection: String
        /// `member`, `joining`, `leaving`; of others that are chosen `outside`, `left`.
        package var state: String
        /// Why it can't join.
        package var reason: String?

        package init(table: TableName, collection: String, state: String, reason: String? = nil) {
            self.table = table.description
            self.collection = collection
            self.state = state
            self.reason = reason
        }
    }

    package let schemaVersion = 1
    package let pipeline: String
    /// Those that were named, or all.
    package var tables: [Table]
    package var workerActive: Bool
    /// What keeps the tables from joining that were named, for the exit code; not part of the JSON.
    package var failure: Failure?

    package init(pipeline: String, tables: [Table], workerActive: Bool, failure: Failure? = nil) {
        self.pipeline = pipeline
        self.tables = tables
        self.workerActive = workerActive
        self.failure = failure
    }

    enum CodingKeys: String, CodingKey {
        case schemaVersion, pipeline, tables, workerActive
    }

    package var text: [String] {
        var rows = TextTable([("table", .left), ("collection", .left), ("state", .left)])
        for table in tables {
            rows.add([table.table, table.collection, table.state + (table.reason.map { ": \($0)" } ?? "")])
        }
        var lines = ["pipeline \(pipeline)"] + rows.lines(indent: "  ")
        if tables.contains(where: { ["joining", "leaving"].contains($0.state) }) {
            lines.append(
                workerActive
                    ? "  the active worker settles this within a second"
                    : "  no worker is active: the next 'wherry run' settles this")
        }
        return lines
    }
}
