import Model

/// The live backfill.
extension PostgresSource: ChunkSource {
    package nonisolated func planSegments(
        _ table: TableVersion, key: [String], where condition: String?
    ) async throws -> [KeyRange] {
        try await planSegments(table, key: key, where: condition, rowsPerRange: 5000)
    }

    /// - Parameter rowsPerRange: About how many rows are worth a range of their own.
    package nonisolated func planSegments(
        _ table: TableVersion, key: [String], where condition: String?, rowsPerRange: Int
    ) async throws -> [KeyRange] {
        let leaves = try await leaves(of: table)
        let condition = condition.map { RowCondition($0, on: table.schema.name) }
        let connection = try await PostgresConnection.open(target, application: "\(application) backfill")
        let planner = SegmentPlanner(
            connection: connection, table: table.schema, key: key, rowsPerRange: rowsPerRange)
        let result: Result<[KeyRange], any Error>
        do {
            result = .success(try await plan(planner, leaves, condition))
        } catch {
            result = .failure(error)
        }
        await connection.close()
        return try result.get()
    }

    package func estimatedRows(of tables: [TableVersion]) async throws -> [TableName: Int] {
        let known = Dictionary(
            try await allTables().map { ($0.schema.oid, $0) }, uniquingKeysWith: { first, _ in first })
        return Dictionary(
            tables.compactMap { table in
                guard let found = known[table.schema.oid] else { return nil }
                let heaps = found.leaves.isEmpty ? [found] : found.leaves
                return (table.schema.name, heaps.reduce(0) { $0 + $1.estimatedRows })
            }, uniquingKeysWith: { first, _ in first })
    }

    /// The leaves of a partitioned table; none of any other table.
    private func leaves(of table: TableVersion) async throws -> [Partition] {
        try await allTables().first { $0.schema.oid == table.schema.oid }?.leaves.map(\.partition) ?? []
    }

    private nonisolated func plan(
        _ planner: SegmentPlanner, _ leaves: [Partition], _ condition: RowCondition?
    ) async throws -> [KeyRange] {
        if leaves.isEmpty { return try await planner.plan(where: condition) }
        let pages = try await planner.pages(of: leaves.map(\.oid))
        let sized = leaves.map { (leaf: $0, pages: pages[$0.oid] ?? 0) }
            .sorted { ($0.pages, $1.leaf.name) > ($1.pages, $0.leaf.name) }
        var ranges: [KeyRange] = []
        for ((leaf, _), share) in zip(sized, SegmentPlan.shares(ofPages: sized.map(\.pages))) {
            let part = SegmentPlanner(
                connection: planner.connection, table: planner.table.part(leaf), key: planner.key,
                rowsPerRange: planner.rowsPerRange, maxRanges: share)
            ranges += try await part.plan(where: condition).map {
                KeyRange(after: $0.after, through: $0.through, leaf: leaf)
            }
        }
        return ranges
    }

    package nonisolated func openChunkReader() async throws -> any ChunkReader { try await KeysetReader.open(self) }

    package nonisolated func openKeyProbe() async throws -> any KeyProbe { SourceKeyProbe(self) }

    package nonisolated func isDecidedByKey(
        _ condition: String, of table: TableVersion, key: [String]
    ) async throws -> Bool {
        let action = "look at the condition for table \(table.schema.name)"
        let answer = try await ask(TableKey.query(table.schema), doing: action)
        let tableKey = try TableKey(answer, key: key, of: table.schema.name)
        let statement = tableKey.judging(RowCondition(condition, on: table.schema.name), of: table.schema)
        switch try await control().attempt(statement, [""]) {
        case .success: return true
        case .failure(let error):
            // Taken with all columns, refused with the key's: it needs others.
            if error.sqlState?.hasPrefix("42") == true { return false }
            throw ChunkFailure.classify(error, doing: action, at: target)
        }
    }

    package func currentSnapshot() async throws -> VisibilitySnapshot {
        let answer = try await ask(ChunkStatement.snapshot, doing: "take a snapshot")
        guard let snapshot = answer.scalar.flatMap({ VisibilitySnapshot($0) }) else {
            throw Failure(.unexpected, "the source's snapshot can't be read")
        }
        return snapshot
    }

    package func emit(token: String) async throws -> LSN {
        let message = "pg_catalog.pg_logical_emit_message(true, 'wherry', $1::pg_catalog.text)"
        guard let lsn = try await write(message, [token], doing: "write a chunk's message").flatMap({ LSN($0) }) else {
            throw Failure(.unexpected, "a chunk's message has no position")
        }
        return lsn
    }

    package func assignTransactionID() async throws -> UInt64 {
        let xid = try await write("pg_catalog.txid_current()", [], doing: "take a transaction id")
        guard let xid = xid.flatMap({ UInt64($0) }) else {
            throw Failure(.unexpected, "the source gives no transaction id")
        }
        return xid
    }

    /// Calls a function that writes to the log; may call it twice.
    private func write(_ call: String, _ parameters: [String?], doing action: String) async throws -> String? {
        let sql = "SELECT CASE WHEN NOT pg_catalog.pg_is_in_recovery() THEN \(call) END"
        guard let value = try await ask(sql, parameters, doing: action).scalar else { throw isStandby(action) }
        return value
    }

    /// - Throws: `Failure(.configuration)` when the source is a hot standby: a live backfill writes messages to the
    ///   log.
    package func requirePrimary() async throws {
        let action = "read rows beside the stream"
        let answer = try await ask("SELECT pg_catalog.pg_is_in_recovery()", doing: action)
        guard answer.scalar == "f" else { throw isStandby(action) }
    }

    private func isStandby(_ action: String) -> Failure {
        Failure(
            .configuration, "can't \(action): the source at \(target.address) is a hot standby and writes no log",
            hint: "A live backfill needs the primary: name that as the source.")
    }
}
