import Model

/// Looks for keys without a row, on a connection of its own.
actor SourceKeyProbe: KeyProbe {
    private let source: PostgresSource
    /// nil before the first question, and after an error.
    private var connection: PostgresConnection?

    init(_ source: PostgresSource) { self.source = source }

    func close() async {
        await connection?.close()
        connection = nil
    }

    func missing(
        _ table: TableVersion, key: [String], keys: [[String]], where condition: String?
    ) async throws -> MissingKeys {
        do {
            return try await look(table.schema, key, keys, condition.map { RowCondition($0, on: table.schema.name) })
        } catch {
            // It may be anywhere in its transaction.
            await close()
            throw error
        }
    }

    private func look(
        _ table: TableSchema, _ key: [String], _ keys: [[String]], _ condition: RowCondition?
    ) async throws -> MissingKeys {
        let connection = try await opened()
        let probe = Probe(connection: connection, table: table, condition: condition)
        _ = try await probe.ask(
            ChunkStatement.begin(table.name, recursively: true), timeout: ChunkStatement.lockTimeout * 3)
        let first = try await probe.ask(ChunkStatement.probedTable(table)).records.first
        guard let first, first.bool("is_same") else {
            throw ChunkFailure.changed("table \(table.name) was replaced")
        }
        guard let snapshot = VisibilitySnapshot(first.text("snapshot")) else {
            throw Failure(.unexpected, "the source's snapshot can't be read")
        }
        let tableKey = try TableKey(try await probe.ask(TableKey.query(table)), key: key, of: table.name)
        var found = MissingKeys(snapshot: snapshot, missing: [], refused: [])
        if !keys.isEmpty { found = try await probe.look(for: keys, 0..<keys.count, tableKey, found) }
        _ = try await probe.ask("COMMIT")
        return found
    }

    private func opened() async throws -> PostgresConnection {
        if let connection, await connection.isUsable { return connection }
        let opened = try await PostgresConnection.open(source.target, application: "\(source.application) backfill")
        _ = try await opened.query(ChunkStatement.planSettings, doing: "look for rows that are gone")
        connection = opened
        return opened
    }
}

/// One question, inside its transaction.
private struct Probe {
    let connection: PostgresConnection
    let table: TableSchema
    let condition: RowCondition?

    func ask(_ sql: String, timeout: Duration = .seconds(60)) async throws -> QueryResult {
        switch try await connection.attempt(sql, timeout: timeout) {
        case .success(let answer): return answer
        case .failure(let error):
            throw ChunkFailure.classify(
                error, doing: "look for rows of \(table.name) that are gone", at: connection.target)
        }
    }

    /// A text that no value of the key's type has makes the server refuse all keys it is asked about with: then each
    /// half of them is asked about, down to the one.
    func look(
        for keys: [[String]], _ part: Range<Int>, _ tableKey: TableKey, _ before: MissingKeys
    ) async throws -> MissingKeys {
        _ = try await ask("SAVEPOINT keys")
        let statement = try tableKey.missing(keys, part, in: table, where: condition)
        switch try await connection.attempt(statement) {
        case .success(let answer):
            _ = try await ask("RELEASE SAVEPOINT keys")
            return MissingKeys(
                snapshot: before.snapshot, missing: before.missing + answer.records.compactMap { $0.int("place") },
                refused: before.refused)
        case .failure(let error):
            guard let state = error.sqlState, state.hasPrefix("22") || state.hasPrefix("23") else {
                throw condition?.refusal(error)
                    ?? ChunkFailure.classify(
                        error, doing: "look for rows of \(table.name) that are gone", at: connection.target)
            }
            _ = try await ask("ROLLBACK TO SAVEPOINT keys; RELEASE SAVEPOINT keys")
            guard part.count > 1 else {
                return MissingKeys(
                    snapshot: before.snapshot, missing: before.missing, refused: before.refused + [part.lowerBound])
            }
            let middle = part.lowerBound + part.count / 2
            let first = try await look(for: keys, part.lowerBound..<middle, tableKey, before)
            return try await look(for: keys, middle..<part.upperBound, tableKey, first)
        }
    }
}
