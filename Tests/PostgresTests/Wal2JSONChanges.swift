import TestSupport

/// Seeded random transactions on two tables of the same columns and on `public.pair`, as SQL.
struct Wal2JSONChanges {
    private var generator: SeededGenerator
    private let tables: [String]

    init(seed: UInt64, tables: [String]) {
        generator = SeededGenerator(seed: seed)
        self.tables = tables
    }

    /// Some of them change nothing.
    mutating func transaction() -> [String] {
        let statements = (0..<Int.random(in: 1...4, using: &generator)).map { _ in statement() }
        return ["BEGIN"] + statements + ["COMMIT"]
    }

    private mutating func statement() -> String {
        let table = pick(tables)
        let key = Int.random(in: 1...12, using: &generator)
        switch Int.random(in: 0...19, using: &generator) {
        case 0...5: return insert(table, key)
        case 6, 7: return "UPDATE \(table) SET number = \(number()), body = \(text()) WHERE id = \(key)"
        case 8: return "UPDATE \(table) SET large = \(large()), ok = NOT ok WHERE id = \(key)"
        case 9:
            let other = 100 + Int.random(in: 0...99999, using: &generator)
            return "DELETE FROM \(table) WHERE id = \(other); UPDATE \(table) SET id = \(other) WHERE id = \(key)"
        case 10: return "UPDATE \(table) SET id = id, body = \(text()) WHERE id = \(key)"
        case 11: return "UPDATE \(table) SET large = NULL, raw = \(bytes()) WHERE id > \(key)"
        case 12: return "DELETE FROM \(table) WHERE id = \(key)"
        case 13: return "DELETE FROM \(table) WHERE id > 100"
        case 14: return "INSERT INTO public.pair VALUES (\(number()), \(text()), now()) ON CONFLICT DO NOTHING"
        case 15:
            return #"UPDATE public.pair SET "a ""b" = gen_random_uuid() || \#(text()) "#
                + "WHERE n = (SELECT max(n) FROM public.pair)"
        case 16: return "DELETE FROM public.pair WHERE n = (SELECT min(n) FROM public.pair)"
        case 17: return #"INSERT INTO "we ird"."left, out." VALUES (1)"#
        case 18: return "SAVEPOINT s; \(insert(table, key)); ROLLBACK TO s"
        default:
            // Seldom, or there is never much to change.
            if key > 4 { return "UPDATE \(table) SET big = \(key), mood = 'c' WHERE id > \(key)" }
            return key > 2 ? "TRUNCATE \(tables.joined(separator: ", "))" : "TRUNCATE \(table)"
        }
    }

    private mutating func insert(_ table: String, _ key: Int) -> String {
        let big = pick(["NULL", "-9223372036854775808", "9223372036854775807", "9007199254740993"])
        let ratio = pick(["0.1", "'-0'", "5e-324", "1.7976931348623157e308", "1e15", "123456789.125"])
        let moment = pick([
            "'infinity'", "'0044-03-15 12:00 BC'", "'294276-12-31 23:59:59.999999'", "clock_timestamp()",
        ])
        let doc = pick([
            #"'{"a": [1, null, {"b\u00e9": "x\\y\"z"}], "n": 12345678901234567890.5}'"#, "'null'", "NULL", "'[]'",
        ])
        let words = pick(["ARRAY[\(text()), NULL, '']", "'{}'", "NULL", "'[2:3]={a,b}'"])
        let values = [
            "\(key)", big, number(), ratio, text(), bytes(), pick(["true", "false", "NULL"]), moment,
            "gen_random_uuid()", doc, words, large(), pick(["true", "false", "NULL"]), bytes(),
            pick(["'NaN'", "'-Infinity'", "0.5", "NULL"]), pick([#"'a "b"'"#, "'c'", "NULL"]),
        ]
        return "INSERT INTO \(table) "
            + "(id, big, number, ratio, body, raw, ok, at, token, doc, words, large, flag, blob, share, mood) VALUES "
            + "(\(values.joined(separator: ", "))) ON CONFLICT DO NOTHING"
    }

    private mutating func pick(_ choices: [String]) -> String { choices.randomElement(using: &generator)! }

    private mutating func number() -> String {
        pick([
            "0", "-0.00", "1e-30", "123456789012345678901234567890.000100", "repeat('9', 3000)::numeric", "1e100",
            "\(Int.random(in: -99...99, using: &generator))",
        ])
    }

    /// Every character that JSON escapes, and some that it doesn't.
    private mutating func text() -> String {
        let characters =
            (1...0x20).map { Character(UnicodeScalar(UInt8($0))) } + Array("\"\\/'az09{}[],:\u{7F}é漢😀\u{2028}")
        let text = (0..<Int.random(in: 0...12, using: &generator)).map { _ in
            characters.randomElement(using: &generator)!
        }
        return "'\(String(text).replacing("'", with: "''"))'"
    }

    private mutating func bytes() -> String {
        pick(["NULL", "''", #"'\x00ff5c6e'"#, #"'\x\#(String(repeating: "0a", count: 20))'"#])
    }

    /// Mostly larger than what is kept in the row.
    private mutating func large() -> String {
        pick([
            "NULL", "'small'", "repeat(md5(random()::text), 200)", "repeat(md5(random()::text), 90)",
            "repeat(E'\\\\\"\\n', 3000)",
        ])
    }
}
