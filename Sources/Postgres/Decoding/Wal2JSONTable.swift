import Model

/// Where the columns of a table's lines go: wal2json announces no tables, so that what a line holds is compared with
/// what is known.
struct Wal2JSONTable {
    private struct Entry {
        let name: [UInt8]
        let typeOID: UInt32
        /// The column's place in the table version; nil for one that isn't carried (a generated one).
        let target: Int?
    }

    let version: TableVersion
    private var entries: [Entry]
    /// Which columns of the version may be missing from a line together: the catalogue has been asked about each.
    private var vouched: Set<[Int]>
    private var latestMissing: [Int] = []

    /// - Parameters:
    ///   - line: the one that made somebody ask for `version`.
    ///   - before: what was known of the table.
    init(
        _ version: TableVersion, line: Wal2JSONLine, scanner: JSONScanner, before: Wal2JSONTable?
    ) throws {
        self.version = version
        let columns = version.schema.columns
        let known = Dictionary(
            columns.enumerated().map { ($1.name, $0) }, uniquingKeysWith: { first, _ in first })
        entries = columns.enumerated().map { place, column in
            Entry(name: Array(column.name.utf8), typeOID: column.type.oid, target: place)
        }
        for column in (line.columns ?? []) + (line.identity ?? []) {
            let name = try scanner.text(column.name)
            let bytes = Array(name.utf8)
            guard known[name] == nil, !entries.contains(where: { $0.name == bytes && $0.typeOID == column.typeOID })
            else { continue }
            entries.append(Entry(name: bytes, typeOID: column.typeOID, target: nil))
        }
        let isSame = before.map { $0.version.schema == version.schema } ?? false
        vouched = isSame ? before?.vouched ?? [] : []
        if line.action == UInt8(ascii: "U"), let new = line.columns, let places = try places(of: new, scanner) {
            // Rows leave out what they like; but not without end.
            if vouched.count >= 1000 { vouched = [] }
            vouched.insert(missing(places))
        }
    }

    /// The places of a line's columns in the version, nil for those that aren't carried.
    ///
    /// - Returns: nil when a column is not among those that are known.
    func places(of columns: [Wal2JSONLine.Column], _ scanner: JSONScanner) throws -> [Int?]? {
        var places: [Int?] = []
        places.reserveCapacity(columns.count)
        // Both are in the table's order, so that the next one is nearly always the one.
        var next = 0
        for column in columns {
            guard let found = try entry(column, scanner, from: next) else { return nil }
            places.append(entries[found].target)
            next = found + 1
        }
        return places
    }

    private func entry(_ column: Wal2JSONLine.Column, _ scanner: JSONScanner, from start: Int) throws -> Int? {
        var name: [UInt8]?
        if column.name.kind == .escapedString {
            var text: [UInt8] = []
            try scanner.append(column.name, to: &text)
            name = text
        }
        for step in 0..<entries.count {
            let place = (start + step) % entries.count
            let entry = entries[place]
            guard entry.typeOID == column.typeOID else { continue }
            let isSame = name.map { $0 == entry.name } ?? entry.name.elementsEqual(scanner.bytes(column.name))
            if isSame { return place }
        }
        return nil
    }

    /// Whether a row may lack what is not among these places: unchanged TOAST values only, and never an inserted one.
    mutating func allows(_ places: [Int?], isInsert: Bool) -> Bool {
        // As many as there are columns, and each of them once.
        let missing = missing(places)
        if missing.isEmpty { return true }
        if isInsert { return false }
        if missing == latestMissing { return true }
        guard vouched.contains(missing) else { return false }
        latestMissing = missing
        return true
    }

    /// Whether these places of an identity are those of a whole row under FULL, which the table may have got or lost
    /// since its version was made.
    func isFull(_ places: [Int?]) -> Bool {
        let columns = version.schema.columns
        guard places.count >= columns.count, Set(places.compactMap { $0 }).count == columns.count else { return false }
        return version.schema.replicaIdentity == .full || !columns.allSatisfy(\.isIdentity)
    }

    private func missing(_ places: [Int?]) -> [Int] {
        let count = version.schema.columns.count
        var next = 0
        for place in places where place == next { next += 1 }
        if next == count { return [] }
        let sent = Set(places.compactMap { $0 })
        return (0..<count).filter { !sent.contains($0) }
    }
}
