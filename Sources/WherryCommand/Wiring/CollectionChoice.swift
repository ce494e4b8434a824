import Model

/// Which of a table's collections a command is about.
struct CollectionChoice {
    let table: TableName
    let collections: [String]

    /// - Parameter asked: by `--into`.
    /// - Throws: `Failure(.usage)` when the table doesn't go there, or goes into several and none is named.
    func one(_ asked: String?) throws -> String {
        if asked == nil, collections.count == 1 { return collections[0] }
        if let asked, collections.contains(asked) { return asked }
        let names = collections.sorted().joined(separator: ", ")
        throw Failure(
            .usage,
            asked.map { "table \(table) doesn't go into collection \($0), but into \(names)" }
                ?? "table \(table) goes into several collections: \(names)",
            hint: asked == nil ? "Name one of them with --into." : "Name one that it goes into with --into.")
    }
}
