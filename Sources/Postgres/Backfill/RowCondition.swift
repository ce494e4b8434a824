import Model

/// What an operator gave as `--where`: SQL that goes into a statement of ours, so the server has to take it first, and
/// take it for one condition.
struct RowCondition: Hashable, Sendable {
    private let text: String

    init(_ text: String) { self.text = text }

    /// A line of its own, so that a comment at its end ends.
    var sql: String { "(\(text)\n)" }

    /// Statements that parse only if the text is one condition on the table's columns. Each alone could be deceived:
    /// `true) OR (true` has matching parentheses only within ours, `true ORDER BY 1` is right only without them.
    ///
    /// EXPLAIN runs nothing; and with a parameter it goes by the extended protocol, which takes one statement alone.
    func checks(on table: TableSchema) -> [(sql: String, parameters: [String?])] {
        let explain = "EXPLAIN SELECT $1::pg_catalog.text FROM ONLY \(table.name.quoted) WHERE"
        return [("\(explain) \(text)\n", [""]), ("\(explain) \(sql)", [""])]
    }

    /// What the server has against it. Its words are shown: they are about the operator's text, not about rows.
    func refusal(_ error: ServerError, on table: TableSchema) -> Failure? {
        guard error.origin == .server, let state = error.sqlState, state != SQLState.insufficientPrivilege,
            ["0A", "22", "42", "2F", "38", "39", "P0"].contains(where: { state.hasPrefix($0) })
        else { return nil }
        return Failure(
            .usage, "the condition for table \(table.name) is not one the source understands: \(error.message)",
            hint: "Give what would follow WHERE, on the table's own columns; everything else in it needs its schema, "
                + "as in app.region('x').")
    }

    /// An error while rows are read under it, in a function or operator of it.
    func failure(_ error: ServerError, on table: TableName) -> Failure? {
        guard let state = error.sqlState, ["22", "P0", "38"].contains(where: { state.hasPrefix($0) }) else {
            return nil
        }
        return Failure(
            .usage, "the condition for table \(table) fails on one of its rows (SQLSTATE \(state))",
            hint: "It must not divide by zero, or cast text that may not fit: try it with SELECT count(*) first.")
    }
}
