import Model

/// NaN and the infinities, which wal2json before 2.6 sends as null: where one of these numbers is null the row is looked
/// at again.
extension PostgresSource {
    /// Rows asked about at once.
    private static let keysPerQuestion = 500

    package func settle(_ changes: [Change], of xid: UInt32) async throws -> [Change] {
        guard hidesSpecialNumbers else { return changes }
        let doubtful = changes.indices.filter { changes[$0].hasDoubtfulNull }
        guard !doubtful.isEmpty else { return changes }
        try await waitUntilVisible(xid)
        var changes = changes
        let byTable = Dictionary(grouping: doubtful) { ObjectIdentifier(changes[$0].newRow!.table) }
        for places in byTable.values {
            let schema = changes[places[0]].newRow!.table.schema
            let answer = try await ask(TableKey.query(schema), doing: "look for the key of table \(schema.name)")
            let names = answer.records.map { $0.text("name") }
            // Without a key it is another table by now, or none.
            let keyPlaces = names.compactMap { name in schema.columns.firstIndex { $0.name == name } }
            guard !names.isEmpty, keyPlaces.count == names.count else { continue }
            let question = Question(
                table: schema, key: try TableKey(answer, key: names, of: schema.name), keyPlaces: keyPlaces)
            for start in stride(from: 0, to: places.count, by: Self.keysPerQuestion) {
                let part = places[start..<min(start + Self.keysPerQuestion, places.count)]
                try await settle(&changes, part, question)
            }
        }
        return changes
    }

    /// What is read is at least as new as the transaction then: the commit record, which the stream delivers, is
    /// written before it is visible. A row that has changed since comes again.
    private func waitUntilVisible(_ xid: UInt32) async throws {
        while true {
            let snapshot = try await currentSnapshot()
            if snapshot.sees(snapshot.widen(xid)) { return }
            try await Task.sleep(for: .milliseconds(20))
        }
    }

    private struct Question {
        let table: TableSchema
        let key: TableKey
        let keyPlaces: [Int]

        /// Places of the columns that may hold such numbers.
        var numbers: [Int] { table.columns.indices.filter { Wal2JSONLimits.hidesSpecialNumbers(table.columns[$0]) } }

        /// The new row's key as text; nil when it isn't whole.
        func key(of row: Row) -> [String]? {
            let values = keyPlaces.compactMap { place in
                row.fields[place].kind == .text ? String(decoding: row.bytes(row.fields[place]), as: UTF8.self) : nil
            }
            return values.count == keyPlaces.count ? values : nil
        }

        func statement(_ keys: [[String]]) throws -> String {
            let values = numbers.map { place in
                let text = CopyStatement.outputText("t.\(quoteIdentifier(table.columns[place].name))")
                return "CASE WHEN \(text) IN ('NaN', 'Infinity', '-Infinity') THEN \(text) END AS v\(place)"
            }
            let names = key.columns.enumerated().map { "\(CopyStatement.outputText("t.\($1.name)")) AS k\($0)" }
            return "SELECT \((names + values).joined(separator: ", ")) FROM ONLY \(table.name.quoted) AS t "
                + "WHERE \(try key.isAmong(keys))"
        }
    }

    private func settle(
        _ changes: inout [Change], _ places: ArraySlice<Int>, _ question: Question
    ) async throws {
        let keys = places.compactMap { changes[$0].newRow.flatMap { question.key(of: $0.row) } }
        guard !keys.isEmpty else { return }
        let rows: [QueryResult.Record]
        switch try await control().attempt(try question.statement(keys)) {
        case .success(let answer): rows = answer.records
        // Dropped with all of its rows.
        case .failure(let error) where error.sqlState == SQLState.undefinedTable: return
        case .failure(let error) where error.sqlState == SQLState.undefinedColumn:
            throw Failure(
                .dataGap,
                "a null of table \(question.table.name) may stand for NaN or an infinity, and a column that says which "
                    + "has another name by now",
                hint: "wal2json before 2.6 doesn't tell them from null. \(Failure.acceptGap)")
        case .failure(let error):
            throw error.failure(doing: "look for numbers that are none in table \(question.table.name)", at: target)
        }
        let found = Dictionary(
            rows.map { row in (question.keyPlaces.indices.map { row.text("k\($0)") }, row) },
            uniquingKeysWith: { first, _ in first })
        for place in places {
            guard let row = changes[place].newRow?.row, let key = question.key(of: row), let now = found[key] else {
                continue
            }
            let numbers = question.numbers.compactMap { number -> (place: Int, text: String)? in
                guard row.fields[number].kind == .null else { return nil }
                return now["v\(number)"].map { (number, $0) }
            }
            if !numbers.isEmpty { changes[place].replaceNewRow(row.with(numbers)) }
        }
    }
}

extension Change {
    fileprivate var newRow: (table: TableVersion, row: Row)? {
        switch self {
        case .insert(let table, let row), .update(let table, _, let row): (table, row)
        case .delete, .truncate: nil
        }
    }

    fileprivate var hasDoubtfulNull: Bool {
        guard let (table, row) = newRow else { return false }
        return zip(table.schema.columns, row.fields).contains {
            $1.kind == .null && Wal2JSONLimits.hidesSpecialNumbers($0)
        }
    }

    fileprivate mutating func replaceNewRow(_ row: Row) {
        switch self {
        case .insert(let table, _): self = .insert(table, new: row)
        case .update(let table, let old, _): self = .update(table, old: old, new: row)
        case .delete, .truncate: break
        }
    }
}

extension Row {
    /// With these values in the place of what was there.
    fileprivate func with(_ values: [(place: Int, text: String)]) -> Row {
        var bytes = [UInt8](UnsafeRawBufferPointer(start: block.base, count: block.count))
        var fields = fields
        for (place, text) in values {
            fields[place] = Field(kind: .text, offset: UInt32(bytes.count), count: UInt32(text.utf8.count))
            bytes.append(contentsOf: text.utf8)
        }
        return Row(block: ByteBlock(copying: bytes), fields: fields)
    }
}
