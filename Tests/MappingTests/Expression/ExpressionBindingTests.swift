import BSON
import Mapping
import Model
import TestSupport
import Testing

/// An expression meets a table.
@Suite struct ExpressionBindingTests {
    static let schema = testTable([
        ("id", OracleFamily.base(23, "integer")), ("name", OracleFamily.base(25, "text")),
        ("amount", OracleFamily.base(1700, "numeric")), ("born", OracleFamily.base(1082, "date")),
        ("seen", OracleFamily.base(1184, "timestamp with time zone")), ("code", OracleFamily.base(1042, "character")),
        ("place", OracleFamily.base(600, "point")), ("doc", OracleFamily.base(3802, "jsonb")),
        ("mood", PostgresType(oid: 90_000, name: "public.mood", shape: .enum)),
        ("pair", PostgresType(oid: 90_001, name: "public.pair", shape: .composite([]))),
        ("mail", PostgresType(oid: 90_002, name: "citext", shape: .extended(.citext))),
        ("ratio", OracleFamily.base(700, "real")), ("Odd Name", OracleFamily.base(16, "boolean")),
    ])

    @Test(
        arguments: [
            ("nmae = 'x'", 0, "no column nmae in table public.t", "Did you mean name?"),
            ("id > 0 and odd_name", 11, "no column odd_name", "Did you mean \"Odd Name\"?"),
            ("lenght(name)", 0, "no function lenght", "Did you mean length?"),
            ("frobnicate(name)", 0, "no function frobnicate", "docs/mapping.md"),
            ("name + 1", 5, "no operator text + integer", nil), ("id = name", 3, "no operator integer = text", nil),
            ("id AND true", 0, "expected boolean, found integer", nil),
            ("name < 'x'", 5, "collation", "COLLATE \"C\""), ("upper(name)", 0, "collation", "COLLATE \"C\""),
            ("code = 'x'", 5, "no operator character(n)", "column::text"),
            ("length(code)", 7, "found character(n)", "column::text"),
            ("place = '(1,2)'", 6, "no operator point", "NULL"),
            ("mail = 'x'", 5, "no operator citext", "NULL"), ("pair IS NULL", 0, "row type", "can't be used"),
            ("mood > 'a'", 5, "no operator public.mood", "label"), ("born = 'tomorrow'", 5, "no date", "'2024-01-31'"),
            ("born = '2023-02-29'", 5, "no date", "'2024-01-31'"), ("id = '1x'", 3, "no integer", nil),
            ("name::date", 4, "no cast from text to date", "settings"),
            ("ratio::text", 5, "no cast from real", "float8"),
            ("seen + '1 day'", 5, "no operator timestamp with time zone +", "date - date"),
            ("id / 0", 3, nil, nil), ("1 / 0", 2, "always divides by zero", nil),
            ("place", 0, "can't give point", "NULL"),
            ("case when true then id else name end", 0, "integer and text don't fit", nil),
            ("coalesce(id, 'x')", 13, "no integer", nil), ("left(name)", 0, "takes 2 arguments", nil),
            ("extract(hour from born)", 8, "a date has no hour", nil), ("extract(eon from born)", 8, "knows year", nil),
            ("date_trunc('month', born)", 20, "can't take date", "::timestamp"), ("doc = '{}'", 4, "jsonb", "->>"),
            ("round(ratio, 2)", 6, "takes numeric", "::numeric"), ("1e200000", 0, "digits", nil),
            ("greatest(name, 'x')", 0, "numbers and dates", nil), ("- name", 0, "no operator - text", nil),
        ] as [(String, Int, String?, String?)])
    func whatDoesNotFitIsPointedAt(text: String, offset: Int, message: String?, hint: String?) throws {
        let expression = try Expression(parsing: text)
        guard let message else {
            _ = try expression.bound(to: Self.schema)
            return
        }
        let error = #expect(throws: ExpressionError.self) { try expression.bound(to: Self.schema) }
        #expect(error?.message.contains(message) == true, "\(error?.message ?? "")")
        #expect(error?.offset == offset)
        if let hint { #expect(error?.hint?.contains(hint) == true, "\(error?.hint ?? "")") }
    }

    @Test func aConditionIsOfBooleans() throws {
        let error = #expect(throws: ExpressionError.self) {
            try Expression(parsing: "id + 1").condition(on: Self.schema)
        }
        #expect(error?.message == "expected boolean, found integer")
        let row = Self.row(["1", "x", nil])
        func holds(_ text: String) throws -> Bool {
            try Expression(parsing: text).condition(on: Self.schema).holds(row)
        }
        #expect(try holds("id = 1") && !holds("id = 2"))
        // Unknown is not fulfilled, whichever way it is asked.
        #expect(try !holds("amount > 0") && !holds("NOT amount > 0") && !holds("NULL") && holds("amount IS NULL"))
        #expect(try holds("(amount > 0) IS NOT TRUE") && holds("id = 1 OR amount > 0") && holds("\"Odd Name\" IS NULL"))
    }

    /// Values are written as those of columns.
    @Test(
        arguments: [
            ("id", .int32(7)), ("id::int2", .int32(7)), ("id::bigint * 2", .int64(14)),
            ("amount", .decimal128(Decimal128("12.50")!)),
            ("amount * 2", .decimal128(Decimal128("25.00")!)),
            ("id / 2.0", .decimal128(Decimal128("3.5000000000000000")!)),
            ("id::float8 / 2", .double(3.5)), ("ratio", .double(Double(Float(0.1)))), ("id > 3", .bool(true)),
            ("name || id", .string("Ann7")), ("born", .date(1_709_164_800_000)), ("seen", .date(1_709_208_000_123)),
            ("born + 1", .date(1_709_251_200_000)), ("born - date '2024-02-28'", .int32(1)), ("NULL", .null),
            ("'x'", .string("x")), ("mood", .string("ok")), ("code::text", .string("ab")),
            ("doc -> 'a'", ["b": 1]), ("doc ->> 'a'", .string("{\"b\": 1}")), ("nullif(id, 7)", .null),
            ("1e40", .string("1" + String(repeating: "0", count: 40))),
            ("extract(year from seen)", .decimal128(Decimal128("2024")!)),
            ("case mood when 'ok' then 1 end", .int32(1)), ("date 'infinity'", .string("infinity")),
        ] as [(String, BSONValue)])
    func aResultIsWrittenAsAColumnOfItsType(text: String, expected: BSONValue) throws {
        let row = Self.row([
            "7", "Ann", "12.50", "2024-02-29", "2024-02-29 12:00:00.123456+00", "ab   ", nil, "{\"a\": {\"b\": 1}}",
            "ok", nil,
            nil, "0.1", "t",
        ])
        var writer = BSONWriter()
        let start = writer.beginDocument()
        writer.key(.id)
        try Expression(parsing: text).bound(to: Self.schema).append(row, to: &writer)
        writer.endDocument(start)
        #expect(try BSONDocument(validating: writer.bytes(in: start..<writer.count))["_id"] == expected)
    }

    /// Even where the value would be known without it.
    @Test func aColumnThatWasNotSentIsAskedFor() throws {
        let condition = try Expression(parsing: "id = 1 OR name = 'x'").condition(on: Self.schema)
        #expect(condition.columns == [0, 1])
        let partial = testRow(
            [(.text, [0x31]), (.unchanged, [])] + Self.schema.columns.dropFirst(2).map { _ in (.null, []) })
        #expect(throws: ValueError.notSent) { try condition.holds(partial) }
        #expect(try condition.holds(partial, old: Self.row(["2", "x"])))
        #expect(try Expression(parsing: "id = 1").condition(on: Self.schema).holds(partial))
        #expect(throws: ValueError.notSent) { try condition.holds(partial, old: partial) }
    }

    @Test func whatHasNoValueSaysWhy() throws {
        func fault(_ text: String) -> ValueError.Evaluation? {
            do throws(ValueError) {
                _ = try (try? Expression(parsing: text).bound(to: Self.schema))?.holds(
                    Self.row(["0", "x", "1e131000"]))
            } catch {
                if case .evaluation(let fault) = error { return fault }
            }
            return nil
        }
        #expect(fault("1 / id") == .divisionByZero && fault("amount % id") == .divisionByZero)
        #expect(
            fault("(id - 1)::int2 - 32768::int2") == nil && fault("id::int2 - 32767::int2 - 2::int2") == .outOfRange)
        #expect(fault("amount * amount") == .outOfRange && fault("name::int") == .text)
        #expect(fault("date '5874897-12-31' + (id + 1)") == .date && fault("split_part(name, ',', id)") == .position)
        #expect(fault("substring(name from 1 for id - 1)") == .length)
        #expect(fault("name LIKE left(name, id) || 'x\\'") == nil && fault("name || 'y' LIKE name || '\\'") == .pattern)
    }

    private static func row(_ values: [String?]) -> Row {
        textRow(values + [String?](repeating: nil, count: schema.columns.count - values.count))
    }
}
