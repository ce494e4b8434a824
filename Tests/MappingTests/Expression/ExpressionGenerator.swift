import Model
import TestSupport

/// Random expressions over `ExpressionColumn.all`, each of a type that is asked for. The first operand of whatever is computed
/// holds a column, so that the server can compute nothing before it sees a row.
struct ExpressionGenerator {
    enum Kind: String, CaseIterable {
        case bool, int2, int4, int8, numeric, float8, text, date, timestamp, timestamptz
    }

    private var random: SeededGenerator
    /// Whether parentheses were left out: then the parts may not be what was meant, and of types that don't fit.
    private(set) var isLoose = false

    init(seed: UInt64) { random = SeededGenerator(seed: seed) }

    /// One of a random type.
    mutating func expression() -> (kind: Kind, sql: String) {
        isLoose = false
        let kind = Kind.allCases.randomElement(using: &random)!
        return (kind, make(kind, Int.random(in: 1...4, using: &random)))
    }

    mutating func condition() -> String {
        isLoose = false
        return make(.bool, Int.random(in: 1...3, using: &random))
    }

    private mutating func pick(_ choices: [String]) -> String { choices.randomElement(using: &random)! }

    private mutating func make(_ kind: Kind, _ depth: Int) -> String {
        if depth <= 0 { return column(kind) }
        switch kind {
        case .bool: return condition(depth - 1)
        case .int2, .int4, .int8: return integer(kind, depth - 1)
        case .numeric: return numeric(depth - 1)
        case .float8: return float(depth - 1)
        case .text: return text(depth - 1)
        case .date, .timestamp, .timestamptz: return moment(kind, depth - 1)
        }
    }

    /// An operand that may be a constant.
    private mutating func other(_ kind: Kind, _ depth: Int) -> String {
        random.chance(25) ? literal(kind) : make(kind, depth)
    }

    private mutating func column(_ kind: Kind) -> String {
        switch kind {
        case .int4: pick(["i", "k", "\"i\"", "I"])
        case .numeric: pick(["n", "n", "m"])
        case .text: pick(["t", "t", "v"])
        case .int2: "s"
        case .int8: "l"
        case .float8: "f"
        case .bool: "b"
        case .date: "d"
        case .timestamp: "ts"
        case .timestamptz: "tz"
        }
    }

    private mutating func literal(_ kind: Kind) -> String {
        switch kind {
        case .bool: pick(["true", "false", "NULL", "'t'", "'no'"])
        case .int2, .int4: pick(["0", "1", "-1", "3", "'7'", "NULL", "100"])
        case .int8: pick(["0", "-2147483648", "2147483648", "NULL", "-9223372036854775808", "'12'"])
        case .numeric: pick(["0.5", "1.50", "-2.5", ".1", "1e3", "NULL", "'NaN'", "3.", "123456789012345678901"])
        case .float8: pick(["'1.5'::float8", "'-0'::float8", "float8 '1e10'", "NULL", "'Infinity'::float8"])
        case .text: pick(["'a'", "''", "' '", "'%a%'", "'é'", "NULL", "','", "'a_c'", "'it''s'", "'12'"])
        case .date: pick(["date '2024-02-29'", "'2000-01-01'::date", "NULL", "date '0001-01-01 BC'"])
        case .timestamp: pick(["timestamp '2024-02-29 12:30:00.5'", "NULL", "'infinity'::timestamp"])
        case .timestamptz: pick(["timestamptz '2024-02-29 12:30:00+02'", "NULL::timestamptz"])
        }
    }

    /// Whether the surroundings put parentheses around it or not.
    private mutating func operators(_ parts: String...) -> String {
        if random.chance(20) {
            isLoose = true
            return parts.joined(separator: " ")
        }
        return "(" + parts.joined(separator: " ") + ")"
    }

    // MARK: - What gives any type

    /// CASE, COALESCE and their like.
    private mutating func choice(_ kind: Kind, _ depth: Int) -> String {
        let (first, second) = (make(kind, depth), other(kind, depth))
        switch Int.random(in: 0...4, using: &random) {
        case 0: return "CASE WHEN \(make(.bool, depth)) THEN \(first) ELSE \(second) END"
        case 1: return "case \(make(.int4, depth)) when 1 then \(first) when \(other(.int4, depth)) then \(second) end"
        case 2: return "coalesce(\(first), \(second))"
        case 3: return "nullif(\(first), \(second))"
        default:
            if kind == .bool || kind == .text { return "coalesce(NULL, \(first), \(second))" }
            return "\(pick(["greatest", "least"]))(\(first), \(second))"
        }
    }

    private mutating func someNumber(_ depth: Int) -> String {
        let kind: Kind = [.int2, .int4, .int8, .numeric, .float8].randomElement(using: &random)!
        return random.chance(10) ? "r" : make(kind, depth)
    }

    // MARK: - Numbers

    private mutating func integer(_ kind: Kind, _ depth: Int) -> String {
        if random.chance(25) { return choice(kind, depth) }
        let narrower: Kind = kind == .int2 ? .int2 : [.int2, .int4].randomElement(using: &random)!
        switch Int.random(in: 0...(kind == .int4 ? 9 : 4), using: &random) {
        case 0, 1: return operators(make(kind, depth), pick(["+", "-", "*", "/", "%"]), other(narrower, depth))
        case 2: return "(- \(make(kind, depth)))"
        case 3: return "\(pick(["abs(", "mod(3, ", "mod('7', "]))\(make(kind, depth)))"
        case 4:
            let name = pick(kind == .int2 ? ["int2", "smallint"] : kind == .int4 ? ["int", "INTEGER"] : ["bigint"])
            return random.chance(15) ? "t::\(name)" : "\(someNumber(depth))::\(name)"
        case 5: return "\(pick(["length", "char_length", "octet_length"]))(\(make(.text, depth)))"
        case 6: return pick(["cardinality(a)", "cardinality(w)", "array_length(a, 1)", "array_length(w, s)"])
        case 7: return operators(make(.date, depth), "-", other(.date, depth))
        case 8: return "cast(\(make(.bool, depth)) as int4)"
        default: return operators(make(.int4, depth), "- -\(make(.int2, 0))")
        }
    }

    private mutating func numeric(_ depth: Int) -> String {
        if random.chance(20) { return choice(.numeric, depth) }
        switch Int.random(in: 0...7, using: &random) {
        case 0...2:
            let second: Kind = [.numeric, .numeric, .int4, .int8].randomElement(using: &random)!
            return operators(make(.numeric, depth), pick(["+", "-", "*", "/", "%"]), other(second, depth))
        case 3: return "\(pick(["abs", "sign", "floor", "ceil", "round", "trunc", "-"]))(\(make(.numeric, depth)))"
        case 4: return "\(pick(["round", "trunc"]))(\(make(.numeric, depth)), \(pick(["0", "2", "-2", "s", "5"])))"
        case 5:
            let field = pick(["year", "QUARTER", "month", "week", "day", "isoyear", "dow", "isodow", "doy", "epoch"])
            let kind: Kind = [.date, .timestamp, .timestamptz].randomElement(using: &random)!
            return "extract(\(field) from \(make(kind, depth)))"
        case 6:
            let kind: Kind = random.chance(50) ? .timestamp : .timestamptz
            return "extract(\(pick(["hour", "minute", "second"])) FROM \(make(kind, depth)))"
        default: return random.chance(20) ? "v::numeric" : "\(someNumber(depth))::numeric"
        }
    }

    private mutating func float(_ depth: Int) -> String {
        if random.chance(20) { return choice(.float8, depth) }
        switch Int.random(in: 0...4, using: &random) {
        case 0, 1:
            let second: Kind = [.float8, .numeric, .int4, .int8].randomElement(using: &random)!
            return operators(make(.float8, depth), pick(["+", "-", "*", "/"]), other(second, depth))
        case 2: return "\(pick(["abs", "sign", "floor", "ceiling", "round", "trunc", "-"]))(\(make(.float8, depth)))"
        case 3: return "\(pick(["sign", "floor", "ceil", "round", "trunc"]))(\(make(.int4, depth)))"
        default: return random.chance(20) ? "t::float8" : "\(someNumber(depth))::double precision"
        }
    }

    // MARK: - Texts

    private mutating func text(_ depth: Int) -> String {
        if random.chance(20) { return choice(.text, depth) }
        let value = make(.text, depth)
        let number = other(.int4, 0)
        switch Int.random(in: 0...9, using: &random) {
        case 0: return operators(value, "||", other(Kind.allCases.randomElement(using: &random)!, depth))
        case 1: return pick(["substring(\(value) from \(number) for i)", "substr(\(value), \(number))"])
        case 2: return pick(["left", "right"]) + "(\(value), \(number))"
        case 3: return pick(["trim(\(value))", "ltrim(\(value), 'a ')", "trim(trailing 'c' from \(value))"])
        case 4: return "replace(\(value), \(other(.text, 0)), \(other(.text, 0)))"
        case 5: return "split_part(\(value), \(other(.text, 0)), \(other(.int4, 0)))"
        case 6: return pick(["lower", "upper"]) + "(\(value) COLLATE \"C\")"
        case 7: return "concat(\(value), b, \(make(Kind.allCases.randomElement(using: &random)!, depth)), jb, e, NULL)"
        case 8:
            let part = pick([
                "jb ->> 'a'", "j ->> 'a'", "j ->> 0", "jb ->> -1", "jb -> 'b' -> 2 ->> 'c'", "j -> 'b' ->> 1",
                "(jb -> i)::text", "j ->> \(other(.text, 0))", "j -> 'a' ->> 'b'", "jb ->> \(other(.text, 0))",
                "(j -> 'b')::text", "jb -> 0 ->> 0",
            ])
            return "(\(part))"
        default:
            return pick(["e", "u", "c", "jb", make(Kind.allCases.randomElement(using: &random)!, depth)]) + "::text"
        }
    }

    // MARK: - Conditions

    private mutating func condition(_ depth: Int) -> String {
        if random.chance(10) { return choice(.bool, depth) }
        let comparison = pick(["=", "<>", "!=", "<", "<=", ">", ">="])
        let kind: Kind = Kind.allCases.filter { $0 != .text }.randomElement(using: &random)!
        switch Int.random(in: 0...11, using: &random) {
        case 0: return operators(make(kind, depth), comparison, other(kind, depth))
        case 1: return operators(someNumber(depth), comparison, someNumber(depth))
        case 2: return operators(make(.bool, depth), pick(["and", "OR"]), other(.bool, depth))
        case 3: return operators("NOT", make(.bool, depth))
        case 4: return operators(make(kind, depth), pick(["IS NULL", "IS NOT NULL"]))
        case 5: return operators(make(.bool, depth), "IS", pick(["TRUE", "NOT TRUE", "FALSE", "NOT FALSE", "UNKNOWN"]))
        case 6:
            return operators(make(kind, depth), pick(["is distinct from", "IS NOT DISTINCT FROM"]), other(kind, depth))
        case 7:
            return operators(
                make(kind, depth), pick(["IN", "NOT IN"]),
                "(\(literal(kind)), \(other(kind, depth)), \(make(kind, depth)), \(literal(kind)))")
        case 8:
            return operators(
                make(kind, depth), pick(["BETWEEN", "NOT BETWEEN"]), other(kind, depth), "AND", make(kind, depth))
        case 9: return operators(make(.text, depth), pick(["LIKE", "not like"]), other(.text, depth))
        case 10:
            let test = pick([
                "e = 'ok'", "e NOT IN ('sad', 'ok')", "u = 'A0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11'", "p IS NULL",
                "starts_with(t, v)", "j IS NOT NULL", "d < ts", "tz >= d", "u < u", "i::bool", "c IS NULL",
                "v::boolean",
            ])
            return "(\(test))"
        default:
            return operators(
                make(.text, depth), "COLLATE \"C\"", comparison == "!=" ? "=" : comparison, other(.text, depth))
        }
    }

    // MARK: - Dates

    private mutating func moment(_ kind: Kind, _ depth: Int) -> String {
        if random.chance(25) { return choice(kind, depth) }
        let field = pick(["year", "quarter", "month", "week", "day", "hour", "Minute", "second"])
        switch kind {
        case .date:
            if random.chance(50) {
                return operators(make(.date, depth), pick(["+", "-"]), pick(["i", "1", "s", "'7'::int"]))
            }
            return "\(make(random.chance(50) ? .timestamp : .timestamptz, depth))::date"
        case .timestamp:
            if random.chance(50) { return "date_trunc('\(field)', \(make(.timestamp, depth)))" }
            return "\(make(random.chance(50) ? .date : .timestamptz, depth))::timestamp without time zone"
        default:
            if random.chance(50) { return "date_trunc('\(field)', \(make(.timestamptz, depth)))" }
            return "cast(\(make(random.chance(50) ? .date : .timestamp, depth)) as timestamptz)"
        }
    }
}
