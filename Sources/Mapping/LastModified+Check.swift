import Model

extension LastModified {
    /// Why the column can't tell which of two versions of a row is newer; nil when it can.
    package enum Problem: Hashable, Sendable {
        case missing
        /// It is a part of `_id`, so that it can't change.
        case key
        case type(String)
    }

    package func problem(in schema: TableSchema, keyColumns: [String]) -> Problem? {
        guard let found = schema.columns.first(where: { $0.name == column }) else { return .missing }
        if keyColumns.contains(column) { return .key }
        guard [.scalar(.timestamp), .scalar(.timestamptz)].contains(ValueCodec(found.type)) else {
            return .type(found.type.name)
        }
        return nil
    }

    /// The problem in words, complete.
    package func message(of problem: Problem, table: TableName) -> String {
        let subject = "last_modified of table \(table)"
        switch problem {
        case .missing: return "\(subject) is \(column), a column that the table doesn't have"
        case .key: return "\(subject) is \(column), a column of its primary key"
        case .type(let name): return "\(subject) is \(column), of type \(name) instead of timestamptz or timestamp"
        }
    }

    /// - Throws: `Failure(.configuration)` when the column is of no use.
    package func check(_ schema: TableSchema, keyColumns: [String]) throws(Failure) {
        guard let problem = problem(in: schema, keyColumns: keyColumns) else { return }
        throw Failure(
            .configuration, message(of: problem, table: schema.name),
            hint: "Name another column in the configuration file; sql/30_last_modified.sql makes one with its trigger. "
                + "If it was dropped, renamed or changed meanwhile, leave last_modified out until the stream has passed "
                + "that change.")
    }
}
