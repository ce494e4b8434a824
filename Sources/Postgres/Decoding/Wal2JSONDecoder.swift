import Model

/// Decodes wal2json, format version 2 (`Wal2JSONLine`), into what pgoutput's decoder makes of the same changes when it
/// sends text. After the 25 bytes of the XLogData header a message is one line.
///
/// A line carries names, types and values, but no announcement of its table: the first line of a table, and every one
/// that doesn't fit what is known of it, asks for a relation and waits for `register`.
package struct Wal2JSONDecoder: ChangeDecoder {
    private var tables: [TableName: Wal2JSONTable] = [:]
    /// The line that waits for a relation.
    private var waiting: (block: ByteBlock, table: TableName)?
    private var isInTransaction = false
    /// Values of the row that is being read; used again and again.
    private var scratch: [UInt8] = []

    package let leavesDoubt: Bool

    /// - Parameter leavesDoubt: whether NaN and the infinities come as null.
    package init(leavesDoubt: Bool = false) { self.leavesDoubt = leavesDoubt }

    package mutating func decode(_ frame: Frame) throws -> StreamEvent? {
        switch frame {
        case .keepalive(let position, _): return .position(position)
        case .data(let block, _): return try reading(block) { try $0.event(&$1, block) }
        }
    }

    package mutating func register(_ table: TableVersion) throws -> StreamEvent? {
        guard let waiting else { throw Failure(.unexpected, "a table that the stream didn't ask for") }
        self.waiting = nil
        return try reading(waiting.block) { decoder, scanner in
            let line = try Wal2JSONLine(&scanner)
            decoder.tables[waiting.table] = try Wal2JSONTable(
                table, line: line, scanner: scanner, before: decoder.tables[waiting.table])
            guard let change = try decoder.change(line, scanner, of: waiting.table) else {
                throw scanner.failure("columns that the catalogue doesn't know")
            }
            return .change(change)
        }
    }

    /// Names position and offset, and never a byte of the message.
    private mutating func reading(
        _ block: ByteBlock, _ body: (inout Wal2JSONDecoder, inout JSONScanner) throws -> StreamEvent?
    ) throws -> StreamEvent? {
        guard block.count > ReplicationMessage.headerCount else {
            throw Failure(.unexpected, "the stream holds a message of \(block.count) bytes: too short")
        }
        var scanner = JSONScanner(base: block.base, offset: ReplicationMessage.headerCount, end: block.count)
        do {
            return try body(&self, &scanner)
        } catch let error as ByteCursor.Underrun {
            let lsn = LSN(rawValue: UInt64(bigEndian: block.base.loadUnaligned(fromByteOffset: 1, as: UInt64.self)))
            throw Failure(
                .unexpected,
                "the stream can't be read at \(lsn): wal2json line, offset \(error.offset): \(error.reason)",
                hint:
                    "This is a defect in wherry or an unknown version of wal2json: please report it with both versions."
            )
        }
    }

    private mutating func event(_ scanner: inout JSONScanner, _ block: ByteBlock) throws -> StreamEvent? {
        let line = try Wal2JSONLine(&scanner)
        switch line.action {
        case UInt8(ascii: "B"): return .begin(try begin(line, scanner))
        case UInt8(ascii: "C"): return .commit(try commit(line, scanner))
        case UInt8(ascii: "M"): return .message(try line.message(scanner))
        case UInt8(ascii: "I"), UInt8(ascii: "U"), UInt8(ascii: "D"), UInt8(ascii: "T"):
            guard isInTransaction else { throw scanner.failure("outside of a transaction") }
            let name = try line.table(scanner)
            if let change = try change(line, scanner, of: name) { return .change(change) }
            waiting = (block, name)
            return .relation(try relation(line, scanner, name))
        default: throw scanner.failure("an unknown action")
        }
    }

    private mutating func begin(_ line: Wal2JSONLine, _ scanner: JSONScanner) throws -> TransactionStart {
        guard !isInTransaction else { throw scanner.failure("a transaction inside a transaction") }
        guard line.has(.nextlsn) else {
            throw Failure(
                .configuration, "the source's wal2json is too old: it doesn't say where transactions end",
                hint: "Wherry needs wal2json 2.3 or later. Upgrade it on the server, then start again.")
        }
        isInTransaction = true
        return TransactionStart(
            commitLSN: try line.lsn(.lsn, scanner), commitTime: try line.time(scanner), xid: try line.xid(scanner))
    }

    private mutating func commit(_ line: Wal2JSONLine, _ scanner: JSONScanner) throws -> TransactionEnd {
        guard isInTransaction else { throw scanner.failure("outside of a transaction") }
        isInTransaction = false
        return TransactionEnd(
            commitLSN: try line.lsn(.lsn, scanner), endLSN: try line.lsn(.nextlsn, scanner),
            commitTime: try line.time(scanner))
    }

    private func relation(_ line: Wal2JSONLine, _ scanner: JSONScanner, _ name: TableName) throws -> WireRelation {
        let identity = try (line.identity ?? []).map { (name: try scanner.text($0.name), typeOID: $0.typeOID) }
        let isIdentity = Set(identity.map(\.name))
        var columns = try (line.columns ?? []).map { column in
            let name = try scanner.text(column.name)
            return WireRelation.Column(
                name: name, typeOID: column.typeOID, typeModifier: -1, isIdentity: isIdentity.contains(name))
        }
        // Under FULL the old row has what the new one leaves out: each behind the one it is behind there.
        var before: String?
        for (name, typeOID) in identity {
            if !columns.contains(where: { $0.name == name }) {
                let place = columns.firstIndex { $0.name == before }.map { $0 + 1 } ?? 0
                columns.insert(
                    WireRelation.Column(name: name, typeOID: typeOID, typeModifier: -1, isIdentity: true), at: place)
            }
            before = name
        }
        let extent: WireRelation.Extent =
            switch line.action {
            case UInt8(ascii: "I"): .whole
            case UInt8(ascii: "U"): .withoutToast
            default: .identity
            }
        return WireRelation(
            oid: 0, name: name, replicaIdentity: .primaryKey, columns: columns, extent: extent)
    }

    // MARK: - Changes

    /// nil when the line doesn't fit what is known of the table.
    private mutating func change(
        _ line: Wal2JSONLine, _ scanner: JSONScanner, of name: TableName
    ) throws -> Change? {
        guard var table = tables[name] else { return nil }
        if line.action == UInt8(ascii: "T") { return .truncate([table.version]) }
        scratch.removeAll(keepingCapacity: true)
        var new: [Field]?
        if line.action != UInt8(ascii: "D") {
            guard let columns = line.columns else { throw scanner.failure("a change without its row") }
            guard let places = try table.places(of: columns, scanner) else { return nil }
            guard table.allows(places, isInsert: line.action == UInt8(ascii: "I")) else { return nil }
            tables[name] = table
            new = try fields(columns, places, of: table.version, missing: .unchanged, scanner)
        }
        if let new, line.action == UInt8(ascii: "I") { return .insert(table.version, new: row(new)) }
        guard let identity = line.identity else { throw scanner.failure("a change without its old key") }
        guard let places = try table.places(of: identity, scanner) else { return nil }
        let before = scratch.count
        let old = try fields(identity, places, of: table.version, missing: .null, scanner)
        let isFull = table.isFull(places)
        guard let new else {
            let row = row(old)
            return .delete(table.version, old: isFull ? .full(row) : .key(row))
        }
        // The old key comes with every update; it says something only when it has changed.
        if !isFull, places.allSatisfy({ $0.map { isSame(old[$0], new[$0]) } ?? true }) {
            scratch.removeSubrange(before...)
            return .update(table.version, old: nil, new: row(new))
        }
        let block = ByteBlock(copying: scratch)
        let oldRow = Row(block: block, fields: old)
        return .update(
            table.version, old: isFull ? .full(oldRow) : .key(oldRow), new: Row(block: block, fields: new))
    }

    private func row(_ fields: [Field]) -> Row { Row(block: ByteBlock(copying: scratch), fields: fields) }

    private func isSame(_ left: Field, _ right: Field) -> Bool {
        guard left.kind == right.kind, left.count == right.count else { return false }
        func bytes(_ field: Field) -> ArraySlice<UInt8> { scratch[Int(field.offset)..<Int(field.offset + field.count)] }
        return bytes(left) == bytes(right)
    }

    /// - Parameter missing: what stands for a column that was not sent.
    private mutating func fields(
        _ columns: [Wal2JSONLine.Column], _ places: [Int?], of version: TableVersion, missing: Field.Kind,
        _ scanner: JSONScanner
    ) throws -> [Field] {
        var fields = [Field](repeating: Field(kind: missing), count: version.schema.columns.count)
        for (column, place) in zip(columns, places) {
            guard let place else { continue }
            guard fields[place].kind == missing else {
                throw scanner.failure("a column twice", at: column.name.offset)
            }
            fields[place] = try field(column, scanner)
        }
        return fields
    }

    /// The value as the type's output function prints it. Of these types only wal2json changes the text; of a domain it
    /// changes nothing.
    private mutating func field(_ column: Wal2JSONLine.Column, _ scanner: JSONScanner) throws -> Field {
        let start = scratch.count
        switch column.value.kind {
        case .null: return Field(kind: .null)
        case .true: scratch.append(UInt8(ascii: "t"))
        case .false: scratch.append(UInt8(ascii: "f"))
        case .number: scratch.append(contentsOf: scanner.bytes(column.value))
        case .string, .escapedString:
            if column.typeOID == Self.byteaOID { scratch.append(contentsOf: [UInt8(ascii: "\\"), UInt8(ascii: "x")]) }
            try scanner.append(column.value, to: &scratch)
        }
        return Field(
            kind: .text, offset: UInt32(truncatingIfNeeded: start),
            count: UInt32(truncatingIfNeeded: scratch.count - start))
    }

    private static let byteaOID: UInt32 = 17
}
