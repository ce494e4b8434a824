import Model

/// NaN and the infinities, which wal2json before 2.6 sends as null: where one of these numbers is null the row is looked
/// at again.
extension PostgresSource {
    /// How long a transaction that has committed may stay invisible.
    private static let visibilityPatience = Duration.seconds(60)

    package func settle(_ changes: [Change], of xid: UInt32) async throws -> [Change] {
        guard hidesSpecialNumbers else { return changes }
        let doubtful = changes.indices.filter { !changes[$0].doubtfulColumns.isEmpty }
        guard !doubtful.isEmpty else { return changes }
        try await waitUntilVisible(xid)
        var changes = changes
        for places in Dictionary(grouping: doubtful, by: { ObjectIdentifier(changes[$0].newRow!.table) }).values {
            try await settle(&changes, places)
        }
        return changes
    }

    /// What is read is at least as new as the transaction then: the commit record, which the stream delivers, is
    /// written before it is visible. A row that has changed since comes again.
    private func waitUntilVisible(_ xid: UInt32) async throws {
        let clock = ContinuousClock()
        let deadline = clock.now + Self.visibilityPatience
        var lookDue = clock.now + .seconds(1)
        while true {
            let snapshot = try await currentSnapshot()
            if snapshot.sees(snapshot.widen(xid)) { return }
            if clock.now >= lookDue {
                try await requireNotAwaited()
                lookDue = clock.now + .seconds(1)
            }
            guard clock.now < deadline else {
                throw Failure(
                    .sourceInterrupted,
                    "transaction \(xid) has committed, and the source doesn't show it after "
                        + Self.visibilityPatience.inSeconds,
                    hint: "Its commit waits for a synchronous standby: see pg_stat_replication. wal2json before 2.6 "
                        + "sends NaN as null, and the rows that tell can't be read before.")
            }
            try await Task.sleep(for: .milliseconds(20))
        }
    }

    /// - Throws: `Failure` of kind `.configuration` when commits wait for this pipeline, which waits for them.
    private func requireNotAwaited() async throws {
        let sql = "SELECT sync_state FROM pg_catalog.pg_stat_replication WHERE pid = $1"
        let state = try await ask(sql, [replicationPID.map(String.init)], doing: "look for synchronous standbys").scalar
        guard state == "sync" || state == "quorum" else { return }
        throw Failure(
            .configuration,
            "the source's commits wait for this pipeline as a synchronous standby, and it for them: wal2json before 2.6 "
                + "sends NaN as null, and only the row tells",
            hint: "Take \(quoteIdentifier(application)) and * out of synchronous_standby_names (ALTER SYSTEM SET …; "
                + "SELECT pg_reload_conf();), then start again.")
    }

    /// Asks about changes of one version of a table, by the names of now: tables and columns may have been renamed or
    /// dropped since the version was made, and while they are asked about.
    private func settle(_ changes: inout [Change], _ places: [Int]) async throws {
        let table = changes[places[0]].newRow!.table.schema
        let columns = Set(places.flatMap { changes[$0].doubtfulColumns })
        for _ in 1...5 {
            guard let question = try await question(about: columns, of: table) else { return }
            if try await settle(&changes, places, question) { return }
        }
        throw Failure(
            .sourceInterrupted, "the names of table \(table.name) change all the time",
            hint: "wal2json before 2.6 sends NaN as null, so that rows are looked at again: wherry tries again.")
    }

    /// - Returns: nil when there is nothing to be asked any more: the table is gone, or all of these columns are.
    private func question(about columns: Set<Int>, of table: TableSchema) async throws -> SpecialNumberQuestion? {
        let sql = """
            SELECT n.nspname AS schema_name, c.relname AS table_name, a.attnum AS number, a.attname AS name
              FROM pg_catalog.pg_class c
              JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
              JOIN pg_catalog.pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
             WHERE c.oid = $1
            """
        let now = try await ask(sql, ["\(table.oid)"], doing: "look for the columns of table \(table.name)").records
        guard let first = now.first else { return nil }
        let names = Dictionary(
            now.map { ($0.int("number") ?? 0, $0.text("name")) }, uniquingKeysWith: { first, _ in first })
        let numbers = table.columns.map { lineColumns[table.oid]?[$0.name]?.number }
        let asked = columns.sorted().compactMap { place in
            numbers[place].flatMap { names[$0] }.map { (place: place, name: $0) }
        }
        guard !asked.isEmpty else { return nil }
        let answer = try await ask(TableKey.query(table), doing: "look for the key of table \(table.name)")
        let key = answer.records.map { $0.text("name") }
        let places = key.compactMap { name in numbers.firstIndex { $0.flatMap { names[$0] } == name } }
        guard !key.isEmpty, places.count == key.count else {
            throw Failure(
                .dataGap,
                "a null of table \(table.name) may stand for NaN or an infinity, and the table has another primary key "
                    + "by now, or none",
                hint: "wal2json before 2.6 doesn't tell them from null. \(Failure.acceptGap)")
        }
        return SpecialNumberQuestion(
            table: TableName(schema: first.text("schema_name"), name: first.text("table_name")), columns: asked,
            key: try TableKey(answer, key: key, of: table.name), keyPlaces: places)
    }

    /// - Returns: false when names have changed since the question was drawn up.
    private func settle(
        _ changes: inout [Change], _ places: [Int], _ question: SpecialNumberQuestion
    ) async throws -> Bool {
        for start in stride(from: 0, to: places.count, by: SpecialNumberQuestion.maximumKeys) {
            let part = places[start..<min(start + SpecialNumberQuestion.maximumKeys, places.count)]
            let keys = part.compactMap { question.key(of: changes[$0].newRow!.row) }
            guard !keys.isEmpty else { continue }
            switch try await questioner().attempt(try question.statement(keys)) {
            case .success(let answer):
                let found = question.read(answer)
                for place in part { changes[place].settle(question, found) }
            case .failure(let error)
            where [SQLState.undefinedTable, SQLState.undefinedColumn].contains(error.sqlState): return false
            case .failure(let error):
                throw error.failure(doing: "look for numbers that are none in table \(question.table)", at: target)
            }
        }
        return true
    }
}
