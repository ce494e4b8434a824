import Model

/// What rows hold where wal2json has sent null: asks for NaN and the infinities, by key.
struct SpecialNumberQuestion {
    /// Rows asked about at once.
    static let maximumKeys = 500

    /// As it is called now.
    let table: TableName
    /// Places in the version of the table that the rows came with, and what these columns are called now.
    let columns: [(place: Int, name: String)]
    let key: TableKey
    let keyPlaces: [Int]

    /// A row's key as text; nil when it isn't whole.
    func key(of row: Row) -> [String]? {
        let values = keyPlaces.compactMap { place in
            row.fields[place].kind == .text ? String(decoding: row.bytes(row.fields[place]), as: UTF8.self) : nil
        }
        return values.count == keyPlaces.count ? values : nil
    }

    func statement(_ keys: [[String]]) throws -> String {
        let values = columns.map { place, name in
            let text = CopyStatement.outputText("t.\(quoteIdentifier(name))")
            return "CASE WHEN \(text) IN ('NaN', 'Infinity', '-Infinity') THEN \(text) END AS v\(place)"
        }
        let names = key.columns.enumerated().map { "\(CopyStatement.outputText("t.\($1.name)")) AS k\($0)" }
        return "SELECT \((names + values).joined(separator: ", ")) FROM ONLY \(table.quoted) AS t "
            + "WHERE \(try key.isAmong(keys))"
    }

    /// The rows of an answer, by their keys.
    func read(_ answer: QueryResult) -> [Key: QueryResult.Record] {
        Dictionary(
            answer.records.map { row in (Key(keyPlaces.indices.map { row.text("k\($0)") }), row) },
            uniquingKeysWith: { first, _ in first })
    }

    /// By its bytes: texts that only differ in how their characters are composed are one `String`, and two keys.
    struct Key: Hashable {
        private let bytes: [[UInt8]]

        init(_ texts: [String]) { bytes = texts.map { Array($0.utf8) } }
    }
}

extension Change {
    var newRow: (table: TableVersion, row: Row)? {
        switch self {
        case .insert(let table, let row), .update(let table, _, let row): (table, row)
        case .delete, .truncate: nil
        }
    }

    /// Places of the columns whose null may stand for something else.
    var doubtfulColumns: [Int] {
        guard let (table, row) = newRow else { return [] }
        return row.fields.indices.filter {
            row.fields[$0].kind == .null && Wal2JSONLimits.hidesSpecialNumbers(table.schema.columns[$0])
        }
    }

    /// Puts in what was found of the row.
    mutating func settle(_ question: SpecialNumberQuestion, _ found: [SpecialNumberQuestion.Key: QueryResult.Record]) {
        guard let row = newRow?.row, let key = question.key(of: row), let now = found[SpecialNumberQuestion.Key(key)]
        else { return }
        let numbers = question.columns.compactMap { place, _ in
            row.fields[place].kind == .null ? now["v\(place)"].map { (place: place, text: $0) } : nil
        }
        guard !numbers.isEmpty else { return }
        switch self {
        case .insert(let table, _): self = .insert(table, new: row.with(numbers))
        case .update(let table, let old, _): self = .update(table, old: old, new: row.with(numbers))
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
