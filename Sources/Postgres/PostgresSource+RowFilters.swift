import Model

/// The publication's row filters (PostgreSQL 15 and later).
extension PostgresSource {
    package func rowFilters() async throws -> [TableName: String] {
        guard let publication = try await publication(), publication.hasRowFilter else { return [:] }
        return try await readRowFilters()
    }

    private func readRowFilters() async throws -> [TableName: String] {
        rowFilters(try await ask(Self.readFilters, [settings.publication], doing: "read the publication's row filters"))
    }

    /// Of the publication $1 alone: whoever holds a lock on another's tables isn't waited for.
    private static let readFilters =
        "SELECT * FROM \(CatalogQuery.part(CatalogQuery.rowFilters)) AS f WHERE pubname = $1"

    private func rowFilters(_ answer: QueryResult) -> [TableName: String] {
        Dictionary(
            answer.records.map { (name($0), $0.text("row_filter")) }, uniquingKeysWith: { first, _ in first })
    }

    /// Whether one of the publication's row filters is not Wherry's.
    func hasForeignFilter(_ publication: Publication) async throws -> Bool {
        guard publication.hasRowFilter else { return false }
        return try await readRowFilters().contains { acceptedRowFilters[$0.key] != $0.value }
    }

    package func accept(rowFilters: [TableName: String]) { acceptedRowFilters = rowFilters }

    package func setRowFilter(
        _ sql: String, of table: TableName, storing: @Sendable (String) async throws -> Void
    ) async throws -> String? {
        // Its own: nothing else may get into the transaction, and closing it takes back what isn't committed.
        let connection = try await PostgresConnection.open(target, application: application)
        let outcome: Result<String?, any Error>
        do {
            outcome = .success(try await setRowFilter(sql, of: table, on: connection, storing: storing))
        } catch {
            outcome = .failure(error)
        }
        await connection.close()
        return try outcome.get()
    }

    private func setRowFilter(
        _ sql: String, of table: TableName, on connection: PostgresConnection,
        storing: @Sendable (String) async throws -> Void
    ) async throws -> String? {
        for statement in ["BEGIN", "SET LOCAL lock_timeout = '5s'", replacing(table, where: sql)] {
            if case .failure(let error) = try await connection.attempt(statement) { return error.safeMessage }
        }
        // The table's lock keeps the replica identity as it is until the end.
        let row = try await connection.query(CatalogQuery.publications, doing: "read the publications").records
            .first { $0["pubname"] == settings.publication && name($0) == table }
        let filters = try await connection.query(
            Self.readFilters, [settings.publication], doing: "read the publication's row filters")
        guard let row, let text = rowFilters(filters)[table] else {
            return "the publication doesn't have the table as one"
        }
        if row.bool("is_partitioned") { return "it is partitioned" }
        if row.bool("is_filter_outside_identity") { return "its replica identity lacks a column of the condition" }
        try await storing(text)
        try await connection.query("COMMIT", doing: "alter publication \(settings.publication)")
        return nil
    }

    package func clearRowFilter(of table: TableName) async throws {
        guard let publication = try await publication() else { return }
        try await alter([replacing(table, where: nil)], owner: publication.owner)
    }

    /// Two commands in one string are one transaction (PostgreSQL documentation, "Multiple Statements in a Simple
    /// Query"): at no point of the log the table is out of the publication.
    private nonisolated func replacing(_ table: TableName, where condition: String?) -> String {
        let name = quoteIdentifier(settings.publication)
        return "ALTER PUBLICATION \(name) DROP TABLE \(table.quoted); ALTER PUBLICATION \(name) ADD TABLE ONLY "
            + table.quoted + (condition.map { " WHERE (\($0))" } ?? "")
    }
}
