import Model
import Postgres
import Testing

@Suite("pgoutput, decoded from bytes made by hand")
struct PgOutputDecoderTests {
    private static let orders = TableVersion(
        schema: TableSchema(
            oid: 4711, name: TableName(schema: "public", name: "orders"),
            columns: [
                Column(name: "id", type: PostgresType(oid: 23, name: "integer", shape: .base), isIdentity: true),
                Column(name: "note", type: PostgresType(oid: 25, name: "text", shape: .base), isIdentity: false),
            ], replicaIdentity: .primaryKey))

    private func decoder() throws -> PgOutputDecoder {
        var decoder = PgOutputDecoder()
        decoder.register(Self.orders)
        _ = try decoder.decode(MessageBytes.begin.frame)
        return decoder
    }

    @Test func transactions() throws {
        var decoder = PgOutputDecoder()
        guard case .begin(let start)? = try decoder.decode(MessageBytes.begin.frame) else { throw Unexpected() }
        #expect(start.commitLSN == LSN("0/1122"))
        #expect(start.xid == 77)
        #expect(start.commitTime.microseconds == 1_000_000)
        guard case .commit(let end)? = try decoder.decode(MessageBytes.commit.frame) else { throw Unexpected() }
        #expect(end.commitLSN == LSN("0/1122"))
        #expect(end.endLSN == LSN("0/1133"))
    }

    @Test func relations() throws {
        var decoder = try decoder()
        guard case .relation(let relation)? = try decoder.decode(MessageBytes.relation.frame) else {
            throw Unexpected()
        }
        #expect(relation.oid == 4711)
        #expect(relation.name == TableName(schema: "public", name: "orders"))
        #expect(relation.replicaIdentity == .primaryKey)
        #expect(relation.columns.map(\.name) == ["id", "note"])
        #expect(relation.columns.map(\.typeOID) == [23, 25])
        #expect(relation.columns.map(\.isIdentity) == [true, false])
    }

    @Test func anEmptySchemaIsTheCatalogues() throws {
        var message = MessageBytes.data("R")
        message.int(UInt32(1))
        message.string("")
        message.string("x")
        message.text("f")
        message.int(UInt16(0))
        var decoder = PgOutputDecoder()
        guard case .relation(let relation)? = try decoder.decode(message.frame) else { throw Unexpected() }
        #expect(relation.name.schema == "pg_catalog")
        #expect(relation.replicaIdentity == .full)
    }

    @Test func insertsKeepTheFormOfEachValue() throws {
        var decoder = try decoder()
        let message = MessageBytes.insert([("b", [0, 0, 0, 7]), ("t", Array("hé".utf8))])
        guard case .change(.insert(let table, let row))? = try decoder.decode(message.frame) else { throw Unexpected() }
        #expect(table === Self.orders)
        #expect(row.fields.map(\.kind) == [.binary, .text])
        #expect(Array(row.bytes(row.fields[0])) == [0, 0, 0, 7])
        #expect(Array(row.bytes(row.fields[1])) == Array("hé".utf8))
    }

    @Test func nullIsNotUnchanged() throws {
        var decoder = try decoder()
        var message = MessageBytes.data("U")
        message.int(UInt32(4711))
        message.text("K")
        message.tuple([("b", [0, 0, 0, 1]), ("n", [])])
        message.text("N")
        message.tuple([("b", [0, 0, 0, 2]), ("u", [])])
        guard case .change(.update(_, .key(let old)?, let new))? = try decoder.decode(message.frame) else {
            throw Unexpected()
        }
        #expect(old.fields.map(\.kind) == [.binary, .null])
        #expect(new.fields.map(\.kind) == [.binary, .unchanged])
        #expect(!new.isWhole)
        #expect(old.isWhole)
    }

    @Test func updatesWithoutAndWithTheOldRow() throws {
        var decoder = try decoder()
        var plain = MessageBytes.data("U")
        plain.int(UInt32(4711))
        plain.text("N")
        plain.tuple([("b", [0, 0, 0, 1]), ("t", [])])
        guard case .change(.update(_, nil, let new))? = try decoder.decode(plain.frame) else { throw Unexpected() }
        #expect(new.fields[1].kind == .text)
        #expect(new.fields[1].count == 0)

        var full = MessageBytes.data("D")
        full.int(UInt32(4711))
        full.text("O")
        full.tuple([("t", [0x31]), ("t", [0x32])])
        guard case .change(.delete(_, .full(let old)))? = try decoder.decode(full.frame) else { throw Unexpected() }
        #expect(Array(old.bytes(old.fields[1])) == [0x32])
    }

    @Test func truncatesNameTheirTables() throws {
        var decoder = try decoder()
        var message = MessageBytes.data("T")
        message.int(UInt32(1))
        message.int(UInt8(0))
        message.int(UInt32(4711))
        guard case .change(.truncate(let tables))? = try decoder.decode(message.frame) else { throw Unexpected() }
        #expect(tables.count == 1)
        #expect(tables[0] === Self.orders)
    }

    @Test func logicalMessages() throws {
        var decoder = try decoder()
        var message = MessageBytes.data("M")
        message.int(UInt8(1))
        message.int(UInt64(0xABC))
        message.string("wherry")
        message.int(UInt32(2))
        message.raw([1, 2])
        guard case .message(let content)? = try decoder.decode(message.frame) else { throw Unexpected() }
        #expect(
            content == LogicalMessage(lsn: LSN("0/ABC")!, isTransactional: true, prefix: "wherry", content: [1, 2]))
    }

    @Test func typesAndOriginsMeanNothing() throws {
        var decoder = try decoder()
        for type: Character in ["Y", "O"] {
            var message = MessageBytes.data(type)
            message.raw([1, 2, 3, 4, 5])
            #expect(try decoder.decode(message.frame) == nil)
        }
    }

    @Test func keepalivesArePositions() throws {
        var decoder = PgOutputDecoder()
        let event = try decoder.decode(.keepalive(position: LSN(rawValue: 9), replyRequested: true))
        guard case .position(LSN(rawValue: 9))? = event else { throw Unexpected() }
    }

    // MARK: - Bytes that make no sense

    private func expectRefusal(
        _ frame: Frame, naming words: String..., with decoder: PgOutputDecoder? = nil,
        at location: SourceLocation = #_sourceLocation
    ) throws {
        var decoder = if let decoder { decoder } else { try self.decoder() }
        do {
            _ = try decoder.decode(frame)
            Issue.record("it was decoded", sourceLocation: location)
        } catch let failure as Failure {
            #expect(failure.kind == .unexpected, sourceLocation: location)
            for word in words { #expect(failure.message.contains(word), sourceLocation: location) }
        }
    }

    @Test func aTableThatWasNotAnnounced() throws {
        try expectRefusal(
            MessageBytes.insert(oid: 99, [("n", []), ("n", [])]).frame, naming: "0/10", "message I", "not announced")
    }

    @Test func theWrongNumberOfColumns() throws {
        try expectRefusal(MessageBytes.insert([("n", [])]).frame, naming: "columns")
    }

    @Test func changesOutsideOfATransaction() throws {
        var fresh = PgOutputDecoder()
        fresh.register(Self.orders)
        try expectRefusal(
            MessageBytes.insert([("n", []), ("n", [])]).frame, naming: "transaction", with: fresh)
        try expectRefusal(MessageBytes.commit.frame, naming: "transaction", with: fresh)
        try expectRefusal(MessageBytes.begin.frame, naming: "transaction")
    }

    @Test func unknownMessagesAndBytesTooMany() throws {
        try expectRefusal(MessageBytes.data("Z").frame, naming: "message Z", "unknown")
        var long = MessageBytes.insert([("n", []), ("n", [])])
        long.raw([0])
        try expectRefusal(long.frame, naming: "too many")
        try expectRefusal(.data(ByteBlock(copying: [0x77]), end: .zero))
    }

    @Test func hugeLengthsAndCounts() throws {
        var message = MessageBytes.data("I")
        message.int(UInt32(4711))
        message.text("N")
        message.int(UInt16(2))
        message.text("t")
        message.int(UInt32.max)
        try expectRefusal(message.frame, naming: "length")
        var truncate = MessageBytes.data("T")
        truncate.int(UInt32.max)
        truncate.int(UInt8(0))
        try expectRefusal(truncate.frame, naming: "tables")
    }

    /// Every prefix of every message, and 20,000 messages with random bytes in them: throws or decodes, never traps,
    /// and every field lies within its block.
    @Test func damagedMessages() throws {
        var update = MessageBytes.data("U")
        update.int(UInt32(4711))
        update.text("O")
        update.tuple([("b", [0, 0, 0, 1]), ("t", [1, 2, 3])])
        update.text("N")
        update.tuple([("b", [0, 0, 0, 2]), ("u", [])])
        let whole = [
            MessageBytes.begin, MessageBytes.commit, MessageBytes.relation, update,
            MessageBytes.insert([("b", [0, 0, 0, 7]), ("t", Array("hello".utf8))]),
        ].map(\.bytes)
        for message in whole {
            for count in 26..<message.count {
                try expectRefusal(.data(ByteBlock(copying: message.prefix(count)), end: .zero))
            }
        }
        var random = SplitMix(seed: 42)
        for _ in 0..<20_000 {
            var message = whole.randomElement(using: &random)!
            for _ in 0..<Int.random(in: 1...4, using: &random) {
                message[Int.random(in: 25..<message.count, using: &random)] = UInt8.random(in: 0...255, using: &random)
            }
            if Bool.random(using: &random) { message.removeLast(Int.random(in: 0..<message.count, using: &random)) }
            var decoder = try decoder()
            guard case .change(let change)? = try? decoder.decode(.data(ByteBlock(copying: message), end: .zero)) else {
                continue
            }
            for row in rows(change) {
                for field in row.fields { #expect(Int(field.offset) + Int(field.count) <= row.block.count) }
            }
        }
    }

    private func rows(_ change: Change) -> [Row] {
        switch change {
        case .insert(_, let new): [new]
        case .update(_, let old, let new): (old.map { [$0.row] } ?? []) + [new]
        case .delete(_, let old): [old.row]
        case .truncate: []
        }
    }
}

/// The event was not the expected one.
struct Unexpected: Error {}

/// A small random generator with a seed (Steele, Lea, Flood: SplitMix, 2014).
struct SplitMix: RandomNumberGenerator {
    private var state: UInt64

    init(seed: UInt64) { state = seed }

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var value = state
        value = (value ^ value >> 30) &* 0xBF58_476D_1CE4_E5B9
        value = (value ^ value >> 27) &* 0x94D0_49BB_1331_11EB
        return value ^ value >> 31
    }
}
