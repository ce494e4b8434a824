import Model

/// What an operator gave as `--where`: SQL that goes into a statement of ours, so the server has to take it first, and
/// take it for one condition.
struct RowCondition: Hashable, Sendable {
    private let text: String
    /// The table that the operator named, whatever part of it is read.
    private let table: TableName

    init(_ text: String, on table: TableName) {
        self.text = text
        self.table = table
    }

    /// A line of its own, so that a comment at its end ends.
    var sql: String { "(\(text)\n)" }

    /// The FROM item whose rows the condition is about. A leaf goes by its table's name: columns may be qualified by
    /// it.
    ///
    /// - Parameter heap: The table itself, or a leaf of it.
    func from(_ heap: TableName) -> String {
        "ONLY \(heap.quoted)" + (heap == table ? "" : " AS \(quoteIdentifier(table.name))")
    }

    /// Statements that parse only if the text is one condition on the table's columns. Each alone could be deceived:
    /// `true) OR (true` has matching parentheses only within ours, `true ORDER BY 1` is right only without them.
    ///
    /// EXPLAIN runs nothing; and with a parameter it goes by the extended protocol, which takes one statement alone.
    func checks(on heap: TableName) -> [(sql: String, parameters: [String?])] {
        let explain = "EXPLAIN SELECT $1::pg_catalog.text FROM \(from(heap)) WHERE"
        return [("\(explain) \(text)\n", [""]), ("\(explain) \(sql)", [""])]
    }

    /// What the server has against it. Its words are shown: they are about the operator's text, not about rows.
    func refusal(_ error: ServerError) -> Failure? {
        guard error.origin == .server, let state = error.sqlState, state != SQLState.insufficientPrivilege,
            ["0A", "22", "42", "2F", "38", "39", "P0"].contains(where: { state.hasPrefix($0) })
        else { return nil }
        return Failure(
            .usage, "the condition for table \(table) is not one the source understands: \(error.message)",
            hint: "Give what would follow WHERE, on the table's own columns; everything else in it needs its schema, "
                + "as in app.region('x').")
    }

    /// An error while rows are read under it, in a function or operator of it.
    func failure(_ error: ServerError) -> Failure? {
        guard let state = error.sqlState, ["22", "P0", "38"].contains(where: { state.hasPrefix($0) }) else {
            return nil
        }
        return Failure(
            .usage, "the condition for table \(table) fails on one of its rows (SQLSTATE \(state))",
            hint: "It must not divide by zero, or cast text that may not fit: try it with SELECT count(*) first.")
    }
}
