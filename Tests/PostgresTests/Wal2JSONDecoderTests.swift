import Model
import Postgres
import TestSupport
import Testing

@Suite("wal2json, decoded from lines made by hand")
struct Wal2JSONDecoderTests {
    private static let begin =
        #"{"action":"B","xid":77,"timestamp":"2026-11-21 18:44:25.2555+00","lsn":"0/1122","nextlsn":"0/1133"}"#
    private static let commit = begin.replacing(#""B""#, with: #""C""#)

    private static func table(
        _ columns: [(name: String, type: UInt32)] = [("id", 23), ("note", 25)], identity: ReplicaIdentity = .primaryKey
    ) -> TableVersion {
        TableVersion(
            schema: TableSchema(
                oid: 4711, name: TableName(schema: "public", name: "orders"),
                columns: columns.enumerated().map { place, column in
                    Column(
                        name: column.name, type: PostgresType(oid: column.type, name: "t", shape: .base),
                        isIdentity: place == 0 || identity == .full)
                },
                replicaIdentity: identity))
    }

    /// `columns` and `identity` as `name:oid:value` with the value as JSON, the name unescaped.
    private static func line(_ action: String, columns: [String]? = nil, identity: [String]? = nil) -> String {
        func list(_ columns: [String]) -> String {
            columns.map { column in
                let parts = column.split(separator: ":", maxSplits: 2)
                return #"{"name":"\#(parts[0])","typeoid":\#(parts[1]),"value":\#(parts[2])}"#
            }.joined(separator: ",")
        }
        return #"{"action":"\#(action)","xid":77,"timestamp":"2026-11-21 18:44:25+00","lsn":"0/10","#
            + #""schema":"public","table":"orders""# + (columns.map { #","columns":[\#(list($0))]"# } ?? "")
            + (identity.map { #","identity":[\#(list($0))]"# } ?? "") + "}"
    }

    private func frame(_ bytes: some Collection<UInt8>) -> Frame {
        let header = MessageBytes.data("x").bytes.dropLast()
        return .data(ByteBlock(copying: Array(header) + Array(bytes)), end: LSN(rawValue: 0x20))
    }

    private func frame(_ line: String) -> Frame { frame(line.utf8) }

    /// A decoder inside a transaction, that knows `table` by the line of an insert.
    private func decoder(_ table: TableVersion = Self.table()) throws -> Wal2JSONDecoder {
        var decoder = Wal2JSONDecoder()
        _ = try decoder.decode(frame(Self.begin))
        let columns = table.schema.columns.map { "\($0.name):\($0.type.oid):null" }
        guard case .relation? = try decoder.decode(frame(Self.line("I", columns: columns))),
            case .change(.insert)? = try decoder.register(table)
        else { throw Unexpected() }
        return decoder
    }

    private struct Unexpected: Error {}

    @Test func transactionsEndBehindTheirCommit() throws {
        var decoder = Wal2JSONDecoder()
        guard case .begin(let start)? = try decoder.decode(frame(Self.begin)) else { throw Unexpected() }
        // 2026-11-21 18:44:25 UTC is 848,601,865 s after 2000-01-01.
        let time = SourceTime(microseconds: 848_601_865_255_500)
        #expect(start == TransactionStart(commitLSN: LSN(rawValue: 0x1122), commitTime: time, xid: 77))
        guard case .commit(let end)? = try decoder.decode(frame(Self.commit)) else { throw Unexpected() }
        #expect(
            end == TransactionEnd(commitLSN: LSN(rawValue: 0x1122), endLSN: LSN(rawValue: 0x1133), commitTime: time))
        guard
            case .position(let position)? = try decoder.decode(
                .keepalive(position: LSN(rawValue: 9), replyRequested: false))
        else { throw Unexpected() }
        #expect(position == LSN(rawValue: 9))
    }

    @Test(arguments: [
        ("2000-01-01 00:00:00+00", 0), ("2000-01-01 05:30:00.000001+05:30", 1), ("1999-12-31 23:59:59.5-00", -500_000),
        ("2000-03-01 00:00:00+00", 60 * 86_400_000_000), ("2000-01-01 00:00:00-01:00:30", 3_630_000_000),
    ])
    func times(text: String, microseconds: Int64) throws {
        var decoder = Wal2JSONDecoder()
        let line = Self.begin.replacing("2026-11-21 18:44:25.2555+00", with: text)
        guard case .begin(let start)? = try decoder.decode(frame(line)) else { throw Unexpected() }
        #expect(start.commitTime.microseconds == microseconds)
    }

    @Test func anInsertWaitsForItsTable() throws {
        var decoder = Wal2JSONDecoder()
        _ = try decoder.decode(frame(Self.begin))
        let line = Self.line(
            "I", columns: ["id:23:9007199254740993", #"note:25:"a\"\\\/\b\f\n\r\t\u0001\u00e9\ud83d\ude00é""#])
        guard case .relation(let relation)? = try decoder.decode(frame(line)) else { throw Unexpected() }
        #expect(relation.name.description == "public.orders" && relation.extent == .whole)
        #expect(relation.columns.map(\.name) == ["id", "note"] && relation.columns.map(\.typeOID) == [23, 25])
        guard case .change(.insert(_, let row))? = try decoder.register(Self.table()) else { throw Unexpected() }
        #expect(values(row) == ["9007199254740993", "a\"\\/\u{8}\u{c}\n\r\t\u{1}é😀é"])
        // The next one needs no question.
        guard case .change(.insert)? = try decoder.decode(frame(line)) else { throw Unexpected() }
    }

    @Test func valuesBecomeTheOutputFunctionsText() throws {
        let columns: [(name: String, type: UInt32)] = [
            ("id", 23), ("ok", 16), ("no", 16), ("raw", 17), ("price", 1700), ("gone", 25), ("domain", 20_000),
        ]
        var decoder = try decoder(Self.table(columns))
        let line = Self.line(
            "I",
            columns: [
                "id:23:-1", "ok:16:true", "no:16:false", #"raw:17:"00ff""#,
                "price:1700:12345678901234567890.1234567890000", "gone:25:null", #"domain:20000:"\\x00""#,
            ])
        guard case .change(.insert(_, let row))? = try decoder.decode(frame(line)) else { throw Unexpected() }
        #expect(
            values(row) == ["-1", "t", "f", "\\x00ff", "12345678901234567890.1234567890000", nil, "\\x00"])
    }

    @Test func updates() throws {
        var decoder = try decoder()
        let same = Self.line("U", columns: ["id:23:1", #"note:25:"b""#], identity: ["id:23:1"])
        guard case .change(.update(_, nil, let new))? = try decoder.decode(frame(same)) else { throw Unexpected() }
        #expect(values(new) == ["1", "b"])
        let moved = Self.line("U", columns: ["id:23:2", #"note:25:"b""#], identity: ["id:23:1"])
        guard case .change(.update(_, .key(let old)?, let new))? = try decoder.decode(frame(moved)) else {
            throw Unexpected()
        }
        #expect(values(old) == ["1", nil] && values(new) == ["2", "b"])
    }

    @Test func fullIdentity() throws {
        var decoder = try decoder(Self.table(identity: .full))
        let columns = ["id:23:1", #"note:25:"b""#]
        let update = Self.line("U", columns: columns, identity: columns)
        guard case .change(.update(_, .full(let old)?, _))? = try decoder.decode(frame(update)) else {
            throw Unexpected()
        }
        #expect(values(old) == ["1", "b"])
        guard case .change(.delete(_, .full))? = try decoder.decode(frame(Self.line("D", identity: columns))) else {
            throw Unexpected()
        }
        // As of a time when it was not FULL.
        guard case .change(.delete(_, .key))? = try decoder.decode(frame(Self.line("D", identity: ["id:23:1"]))) else {
            throw Unexpected()
        }
    }

    /// The table has got FULL, and its version doesn't know: nothing is taken for a change of the key.
    @Test func fullIdentityAfterTheVersionWasMade() throws {
        var decoder = try decoder()
        let line = Self.line("U", columns: ["id:23:1", #"note:25:"b""#], identity: ["id:23:1", #"note:25:"a""#])
        guard case .change(.update(_, .full(let old)?, _))? = try decoder.decode(frame(line)) else {
            throw Unexpected()
        }
        #expect(values(old) == ["1", "a"])
    }

    /// Before 2.3 no line says where a transaction ends.
    @Test func aVersionThatIsTooOld() throws {
        var decoder = Wal2JSONDecoder()
        let failure = #expect(throws: Failure.self) {
            try decoder.decode(frame(#"{"action":"B","xid":77,"timestamp":"2026-11-21 18:44:25+00"}"#))
        }
        #expect(failure?.kind == .configuration && failure?.hint?.contains("2.3") == true)
    }

    /// The catalogue says whether a column that is missing is unchanged, or not there.
    @Test func aMissingColumnIsAskedAboutOnce() throws {
        var decoder = try decoder()
        let line = Self.line("U", columns: ["id:23:1"], identity: ["id:23:1"])
        guard case .relation(let relation)? = try decoder.decode(frame(line)) else { throw Unexpected() }
        #expect(relation.extent == .withoutToast)
        guard case .change(.update(_, nil, let new))? = try decoder.register(Self.table()) else { throw Unexpected() }
        #expect(values(new) == ["1", "?"])
        guard case .change(.update)? = try decoder.decode(frame(line)) else { throw Unexpected() }
        // An inserted row has all of its columns.
        guard case .relation? = try decoder.decode(frame(Self.line("I", columns: ["id:23:1"]))) else {
            throw Unexpected()
        }
        guard case .change(.insert(_, let row))? = try decoder.register(Self.table([("id", 23)])) else {
            throw Unexpected()
        }
        #expect(values(row) == ["1"])
    }

    @Test func anotherTypeOrAnotherColumnMakesANewVersion() throws {
        for columns in [["id:20:1", "note:25:null"], ["id:23:1", "note:25:null", "more:25:null"]] {
            var decoder = try decoder()
            guard case .relation? = try decoder.decode(frame(Self.line("I", columns: columns))) else {
                throw Unexpected()
            }
        }
    }

    @Test func generatedColumnsAreLeftOut() throws {
        var decoder = Wal2JSONDecoder()
        _ = try decoder.decode(frame(Self.begin))
        let line = Self.line("I", columns: ["id:23:1", "twice:23:2", #"note:25:"x""#])
        guard case .relation? = try decoder.decode(frame(line)),
            case .change(.insert(_, let row))? = try decoder.register(Self.table())
        else { throw Unexpected() }
        #expect(values(row) == ["1", "x"])
        guard case .change(.insert)? = try decoder.decode(frame(line)) else { throw Unexpected() }
    }

    @Test func truncationsAndMessages() throws {
        var decoder = try decoder()
        guard case .change(.truncate(let tables))? = try decoder.decode(frame(Self.line("T"))) else {
            throw Unexpected()
        }
        #expect(tables.map(\.schema.name.name) == ["orders"])
        let line =
            #"{"action":"M","xid":null,"timestamp":null,"lsn":"0/10","transactional":false,"prefix":"wherry","content":"a\n"}"#
        guard case .message(let message)? = try decoder.decode(frame(line)) else { throw Unexpected() }
        #expect(message.prefix == "wherry" && message.content == [0x61, 0x0A] && !message.isTransactional)
    }

    @Test(arguments: [
        "", "{}", "[]", "{\"action\":\"X\"}", begin, line("I"), line("D"),
        line("U", columns: ["id:23:1", "note:25:null"]),
        line("I", columns: ["id:23:1", "id:23:1", "note:25:null"]),
        line("I", columns: ["id:23:1", #"note:25:"\u0000""#]),
        line("I", columns: ["id:23:1", #"note:25:"\ud800""#]), line("I", columns: ["id:23:1", #"note:25:"\udc00x""#]),
        line("I", columns: ["id:23:1", #"note:25:"\q""#]), line("I", columns: ["id:23:1", "note:25:{}"]),
        line("I", columns: ["id:23:1", "note:25:[[["]), line("I", columns: ["id:23:1", "note:25:nul"]),
        line("I", columns: ["id:23.5:1"]), line("I", columns: ["id:23:1", "note:25:\"a\tb\""]),
        line("T") + "x", #"{"action":"T","schema":"public"}"#, #"{"action":"T","odd":1}"#,
        String(repeating: "[", count: 100_000), String(repeating: #"{"columns":"#, count: 10_000),
    ])
    func whatMakesNoSenseIsAnError(line: String) throws {
        var decoder = try decoder()
        let failure = #expect(throws: Failure.self) { try decoder.decode(frame(line)) }
        #expect(failure?.kind == .unexpected)
    }

    /// Nothing that arrives may trap, and no message quotes a value.
    @Test func damagedLinesNeverTrap() throws {
        var generator = SeededGenerator(seed: 45)
        let secret = "s3cr3t"
        let lines = [
            Self.begin, Self.commit, Self.line("T"),
            Self.line("I", columns: ["id:23:1", #"note:25:"\#(secret)\u00e9\ud83d\ude00\n""#]),
            Self.line("U", columns: ["id:23:1", #"note:25:"\#(secret)""#], identity: ["id:23:2"]),
            Self.line("D", identity: ["id:23:2"]),
        ].map { Array($0.utf8) }
        var errors = 0
        for _ in 0..<20_000 {
            var decoder = try decoder()
            var bytes = lines.randomElement(using: &generator)!
            for _ in 0..<Int.random(in: 1...3, using: &generator) where !bytes.isEmpty {
                let place = bytes.indices.randomElement(using: &generator)!
                switch Int.random(in: 0...3, using: &generator) {
                case 0: bytes.removeSubrange(place...)
                case 1: bytes[place] = UInt8.random(in: 0...255, using: &generator)
                case 2: bytes.remove(at: place)
                default: bytes.insert(Array("{}[]\",:\\u09-".utf8).randomElement(using: &generator)!, at: place)
                }
            }
            do {
                guard case .relation? = try decoder.decode(frame(bytes)) else { continue }
                _ = try decoder.register(Self.table())
            } catch let failure as Failure {
                errors += 1
                #expect(!failure.message.contains(secret))
            }
        }
        #expect(errors > 10_000)
    }
}
