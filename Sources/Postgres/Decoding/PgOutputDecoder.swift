import Model

/// Decodes pgoutput, protocol version 1 (PostgreSQL documentation, "Logical Replication Message Formats"). After the 25
/// bytes of the XLogData header a message is one of
///
///     B  Begin     Int64 commit LSN, Int64 commit time, Int32 xid
///     C  Commit    Int8 flags, Int64 commit LSN, Int64 end LSN, Int64 commit time
///     M  Message   Int8 flags (1: transactional), Int64 LSN, String prefix, Int32 n, Byte[n]
///     R  Relation  Int32 oid, String schema (empty: pg_catalog), String name, Int8 replica identity, Int16 columns,
///                  each: Int8 flags (1: identity), String name, Int32 type, Int32 modifier
///     I  Insert    Int32 oid, 'N', tuple
///     U  Update    Int32 oid, ['K' or 'O', tuple], 'N', tuple
///     D  Delete    Int32 oid, 'K' or 'O', tuple
///     T  Truncate  Int32 n, Int8 options, Int32[n] oids
///     O  Origin, Y  Type: of no use here
///
///     tuple        Int16 columns, each: 'n' null, 'u' unchanged TOAST, or 't' text, 'b' binary: Int32 n, Byte[n]
///
/// Nothing is copied: a row's fields point into the message's own block.
package struct PgOutputDecoder: ChangeDecoder {
    private var tables: [UInt32: TableVersion] = [:]
    /// The table of the change before: changes come in runs.
    private var latest: (oid: UInt32, table: TableVersion)?
    private var isInTransaction = false

    package init() {}

    @discardableResult
    package mutating func register(_ table: TableVersion) -> StreamEvent? {
        tables[table.schema.oid] = table
        latest = nil
        return nil
    }

    package mutating func decode(_ frame: Frame) throws -> StreamEvent? {
        switch frame {
        case .keepalive(let position, _): return .position(position)
        case .data(let block, _):
            guard block.count > ReplicationMessage.headerCount else {
                throw Failure(.unexpected, "the stream holds a message of \(block.count) bytes: too short")
            }
            let type = block.base.load(fromByteOffset: ReplicationMessage.headerCount, as: UInt8.self)
            var cursor = ByteCursor(base: block.base, offset: ReplicationMessage.headerCount + 1, end: block.count)
            do {
                let event = try decode(type, &cursor, block)
                try cursor.expectEnd()
                return event
            } catch let error as ByteCursor.Underrun {
                throw PgOutputDecoder.failure(block, type, error)
            }
        }
    }

    /// Names position, message type and offset, and never a byte of the message.
    private static func failure(_ block: ByteBlock, _ type: UInt8, _ error: ByteCursor.Underrun) -> Failure {
        let lsn = LSN(rawValue: UInt64(bigEndian: block.base.loadUnaligned(fromByteOffset: 1, as: UInt64.self)))
        let name = (0x41...0x5A).contains(type) ? String(UnicodeScalar(type)) : "\(type)"
        return Failure(
            .unexpected,
            "the stream can't be read at \(lsn): message \(name), offset \(error.offset): \(error.reason)",
            hint: "This is a defect in wherry or an unknown kind of server: please report it with the server's version."
        )
    }

    @inline(__always)
    private mutating func decode(_ type: UInt8, _ cursor: inout ByteCursor, _ block: ByteBlock) throws -> StreamEvent? {
        switch type {
        case UInt8(ascii: "I"): return .change(try insert(&cursor, block))
        case UInt8(ascii: "U"): return .change(try update(&cursor, block))
        case UInt8(ascii: "D"): return .change(try delete(&cursor, block))
        case UInt8(ascii: "B"): return .begin(try begin(&cursor))
        case UInt8(ascii: "C"): return .commit(try commit(&cursor))
        case UInt8(ascii: "R"): return .relation(try relation(&cursor))
        case UInt8(ascii: "T"): return .change(try truncate(&cursor))
        case UInt8(ascii: "M"): return .message(try message(&cursor, block))
        case UInt8(ascii: "O"), UInt8(ascii: "Y"):
            cursor.offset = cursor.end
            return nil
        default: throw ByteCursor.Underrun(offset: cursor.offset - 1, reason: "an unknown message type")
        }
    }

    // MARK: - Transactions

    private mutating func begin(_ cursor: inout ByteCursor) throws -> TransactionStart {
        guard !isInTransaction else {
            throw ByteCursor.Underrun(offset: cursor.offset, reason: "a transaction inside a transaction")
        }
        isInTransaction = true
        let commitLSN = LSN(rawValue: try cursor.integer(UInt64.self))
        let time = SourceTime(microseconds: try cursor.integer(Int64.self))
        return TransactionStart(commitLSN: commitLSN, commitTime: time, xid: try cursor.integer(UInt32.self))
    }

    private mutating func commit(_ cursor: inout ByteCursor) throws -> TransactionEnd {
        try expectTransaction(cursor)
        isInTransaction = false
        _ = try cursor.skip(1)
        let commitLSN = LSN(rawValue: try cursor.integer(UInt64.self))
        let endLSN = LSN(rawValue: try cursor.integer(UInt64.self))
        let time = SourceTime(microseconds: try cursor.integer(Int64.self))
        return TransactionEnd(commitLSN: commitLSN, endLSN: endLSN, commitTime: time)
    }

    @inline(__always)
    private func expectTransaction(_ cursor: ByteCursor) throws {
        guard isInTransaction else {
            throw ByteCursor.Underrun(offset: cursor.offset, reason: "outside of a transaction")
        }
    }

    private func message(_ cursor: inout ByteCursor, _ block: ByteBlock) throws -> LogicalMessage {
        let flags = try cursor.integer(UInt8.self)
        let lsn = LSN(rawValue: try cursor.integer(UInt64.self))
        let prefix = try cursor.string()
        let count = Int(try cursor.integer(Int32.self))
        let start = try cursor.skip(count)
        let content = [UInt8](UnsafeRawBufferPointer(start: block.base + start, count: count))
        return LogicalMessage(lsn: lsn, isTransactional: flags & 1 == 1, prefix: prefix, content: content)
    }

    // MARK: - Relations

    private func relation(_ cursor: inout ByteCursor) throws -> WireRelation {
        let oid = try cursor.integer(UInt32.self)
        let schema = try cursor.string()
        let name = try cursor.string()
        let letter = Character(UnicodeScalar(try cursor.integer(UInt8.self)))
        guard let identity = ReplicaIdentity(rawValue: letter) else {
            throw ByteCursor.Underrun(offset: cursor.offset - 1, reason: "an unknown replica identity")
        }
        let count = Int(try cursor.integer(UInt16.self))
        var columns: [WireRelation.Column] = []
        for _ in 0..<count {
            let flags = try cursor.integer(UInt8.self)
            columns.append(
                WireRelation.Column(
                    name: try cursor.string(), typeOID: try cursor.integer(UInt32.self),
                    typeModifier: try cursor.integer(Int32.self), isIdentity: flags & 1 == 1))
        }
        return WireRelation(
            oid: oid, name: TableName(schema: schema.isEmpty ? "pg_catalog" : schema, name: name),
            replicaIdentity: identity, columns: columns)
    }

    // MARK: - Changes

    @inline(__always)
    private mutating func table(_ cursor: inout ByteCursor) throws -> TableVersion {
        try expectTransaction(cursor)
        let oid = try cursor.integer(UInt32.self)
        if let latest, latest.oid == oid { return latest.table }
        guard let table = tables[oid] else {
            throw ByteCursor.Underrun(offset: cursor.offset - 4, reason: "a table that was not announced")
        }
        latest = (oid, table)
        return table
    }

    @inline(__always)
    private mutating func insert(_ cursor: inout ByteCursor, _ block: ByteBlock) throws -> Change {
        let table = try table(&cursor)
        return .insert(table, new: try newRow(&cursor, block, table, try cursor.integer(UInt8.self)))
    }

    @inline(__always)
    private mutating func update(_ cursor: inout ByteCursor, _ block: ByteBlock) throws -> Change {
        let table = try table(&cursor)
        var marker = try cursor.integer(UInt8.self)
        var old: OldRow?
        if marker != UInt8(ascii: "N") {
            old = try oldRow(&cursor, block, table, marker)
            marker = try cursor.integer(UInt8.self)
        }
        return .update(table, old: old, new: try newRow(&cursor, block, table, marker))
    }

    @inline(__always)
    private mutating func delete(_ cursor: inout ByteCursor, _ block: ByteBlock) throws -> Change {
        let table = try table(&cursor)
        return .delete(table, old: try oldRow(&cursor, block, table, try cursor.integer(UInt8.self)))
    }

    private mutating func truncate(_ cursor: inout ByteCursor) throws -> Change {
        let count = Int(try cursor.integer(UInt32.self))
        _ = try cursor.skip(1)
        guard count <= (cursor.end - cursor.offset) / 4 else {
            throw ByteCursor.Underrun(offset: cursor.offset, reason: "\(count) tables in too few bytes")
        }
        var truncated: [TableVersion] = []
        for _ in 0..<count { truncated.append(try table(&cursor)) }
        return .truncate(truncated)
    }

    @inline(__always)
    private func newRow(
        _ cursor: inout ByteCursor, _ block: ByteBlock, _ table: TableVersion, _ marker: UInt8
    ) throws -> Row {
        guard marker == UInt8(ascii: "N") else {
            throw ByteCursor.Underrun(offset: cursor.offset - 1, reason: "no new row")
        }
        return Row(block: block, fields: try TupleFields.read(&cursor, columns: table.schema.columns.count))
    }

    @inline(__always)
    private func oldRow(
        _ cursor: inout ByteCursor, _ block: ByteBlock, _ table: TableVersion, _ marker: UInt8
    ) throws -> OldRow {
        guard marker == UInt8(ascii: "K") || marker == UInt8(ascii: "O") else {
            throw ByteCursor.Underrun(offset: cursor.offset - 1, reason: "no old row")
        }
        let row = Row(block: block, fields: try TupleFields.read(&cursor, columns: table.schema.columns.count))
        return marker == UInt8(ascii: "K") ? .key(row) : .full(row)
    }
}
