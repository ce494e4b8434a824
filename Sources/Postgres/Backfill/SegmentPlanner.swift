import Model

/// Plans the segments of one table, or of one leaf of it, on a connection of its own: questions about a locked table
/// can wait.
struct SegmentPlanner {
    let connection: PostgresConnection
    let table: TableSchema
    let key: [String]
    /// Fewer in a range aren't worth one.
    let rowsPerRange: Int
    var maxRanges = SegmentPlan.maxRanges

    func plan(where condition: RowCondition?) async throws -> [KeyRange] {
        _ = try await ask(ChunkStatement.planSettings)
        let answer = try await ask(TableKey.query(table))
        let tableKey = try TableKey(answer, key: key, of: table.name)
        try await check(condition)
        guard let size = try await ask(SegmentPlan.size(table)).records.first else {
            throw ChunkFailure.changed("table \(table.name) doesn't exist any more")
        }
        let pages = size.int("pages") ?? 0
        let rows = SegmentPlan.estimatedRows(
            rows: size.int("rows") ?? 0, pagesThen: size.int("pages_then") ?? 0, pages: pages)
        let count = min(maxRanges, SegmentPlan.rangeCount(estimatedRows: rows, rowsPerRange: rowsPerRange))
        guard count > 1 else { return [KeyRange()] }
        let isStale = SegmentPlan.isStale(pagesThen: size.int("pages_then") ?? 0, pages: pages)
        return SegmentPlan.ranges(try await bounds(tableKey, pages: pages, ranges: count, isStale: isStale))
    }

    private func bounds(
        _ tableKey: TableKey, pages: Int, ranges: Int, isStale: Bool
    ) async throws -> [[String]] {
        let histogram = isStale ? [] : SegmentPlan.inner(try await histogram(tableKey))
        if !histogram.isEmpty { return SegmentPlan.thinned(histogram.map { [$0] }, ranges: ranges) }
        let sampled = min(ranges, SegmentPlan.maxSampledRanges)
        let sample = try await ask(SegmentPlan.sample(table, tableKey, pages: pages, ranges: sampled))
        return sample.rows.map { $0.compactMap { $0 } }
    }

    /// Empty too when its values aren't the column's any more: of a type whose values were renamed since.
    private func histogram(_ tableKey: TableKey) async throws -> [String] {
        guard let column = tableKey.columns.first, let name = key.first else { return [] }
        switch try await connection.attempt(SegmentPlan.histogram(table, column, name: name)) {
        case .success(let answer): return answer.rows.compactMap { $0.first ?? nil }
        case .failure(let error):
            guard let state = error.sqlState, ["22", "23", "42"].contains(where: { state.hasPrefix($0) }) else {
                throw classified(error)
            }
            return []
        }
    }

    private func check(_ condition: RowCondition?) async throws {
        for (sql, parameters) in condition?.checks(on: table.name) ?? [] {
            if case .failure(let error) = try await connection.attempt(sql, parameters) {
                throw condition?.refusal(error) ?? classified(error)
            }
        }
    }

    /// Of tables or leaves, by oid.
    func pages(of oids: [UInt32]) async throws -> [UInt32: Int] {
        _ = try await ask(ChunkStatement.planSettings)
        return HeapSize.read(try await ask(HeapSize.query(oids)))
    }

    private func ask(_ sql: String) async throws -> QueryResult {
        switch try await connection.attempt(sql) {
        case .success(let answer): return answer
        case .failure(let error): throw classified(error)
        }
    }

    private func classified(_ error: ServerError) -> Failure {
        ChunkFailure.classify(error, doing: "plan the backfill of \(table.name)", at: connection.target)
    }
}
