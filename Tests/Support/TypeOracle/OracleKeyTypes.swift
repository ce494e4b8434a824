import Model

/// A column of a composite key.
package struct OracleColumn: Sendable {
    package let name: String
    package let type: PostgresType
    package let sqlType: String
    package let send: String
    package let random: String
}

extension OracleFamily {
    /// Every type that can be a key, and more of the extremes.
    package static let keyTypes: [OracleFamily] =
        all.filter { !$0.isKey && ($0.hasEquality || ["xid", "cid"].contains($0.name)) } + [
            key(
                "longest numeric", base(1700, "numeric"), "numeric",
                ["repeat('9', 131072)::numeric", "('-0.' || repeat('7', 16383))::numeric", "1e-16383::numeric"],
                "(g || repeat('0', (g % 70)::int) || '.' || repeat('0', (g % 7)::int))::numeric"),
            key(
                "first and last timestamp", base(1114, "timestamp"), "timestamp",
                quoted(["4714-11-24 00:00:00 BC", "0001-01-01 00:00:00 BC", "294276-12-31 23:59:59.999999"]),
                "timestamp '0001-01-01 00:00:00' + (random() - 0.5) * interval '2 years'"),
            key(
                "domain over timestamptz", domain(base(1184, "timestamptz")), "pg_temp.oracle_moment",
                quoted(["4714-11-24 00:00:00+00 BC", "294276-12-31 23:59:59.999999+00", "infinity"]),
                "timestamptz '9999-12-31 12:00:00+00' + (random() - 0.5) * interval '2 years'",
                setUp: "CREATE DOMAIN pg_temp.oracle_moment AS timestamptz"),
            key(
                "citext", PostgresType(oid: 99_001, name: "public.citext", shape: .extended(.citext)), "public.citext",
                quoted(["", "Grüße"]), "md5(random()::text)",
                setUp: makeExtension("citext")),
            key(
                "range", PostgresType(oid: 3904, name: "int4range", shape: .range(of: base(23, "integer"))),
                "int4range",
                quoted(["empty", "(,)", "[1,5)"]), "int4range(-g::int, (g + random() * 1e6)::int)"),
            key(
                "range without one form",
                PostgresType(oid: 99_003, name: "oracle_numbers", shape: .range(of: base(23, "integer"))),
                "pg_temp.oracle_numbers", quoted(["empty", "(,)", "(1,5]", "[1,5)", "[7,7]"]),
                "pg_temp.oracle_numbers(-g::int, g::int, (array['[]', '()', '[)', '(]'])[1 + g % 4])",
                setUp: "CREATE TYPE pg_temp.oracle_numbers AS RANGE (subtype = int4)"),
            key(
                "range of timestamps",
                PostgresType(oid: 3908, name: "tsrange", shape: .range(of: base(1114, "timestamp"))),
                "tsrange", quoted(["empty", "(,)", "[-infinity,infinity]"]),
                "tsrange('2000-01-01', timestamp '2000-01-02' + g * interval '1 microsecond', '(]')"),
            key(
                "composite",
                PostgresType(
                    oid: 99_002, name: "pair",
                    shape: .composite([
                        PostgresType.Attribute(name: "a", type: base(23, "integer")),
                        PostgresType.Attribute(name: "b", type: base(25, "text")),
                    ])), "pg_temp.oracle_pair",
                ["ROW(1, null)", "ROW(null, '')", #"ROW(2, ' (,"\ ')"#, "ROW(null, null)"],
                "ROW(g, md5(random()::text))::pg_temp.oracle_pair",
                setUp: "CREATE TYPE pg_temp.oracle_pair AS (a int, b text)"),
            key("money", base(790, "money"), "money", ["'-0.01'"], "(random() * 1e9)::numeric::money"),
        ]

    /// Those whose text in a key is checked down to the last character, so that none of somebody else's passes.
    package static let ownKeyForms: [OracleFamily] = {
        let names: Set = [
            "bool", "int2", "int4", "int8", "oid", "float4", "float8", "numeric", "bytea", "uuid", "date", "\"char\"",
            "varbit", "pg_lsn", "xid", "xid8", "text", "timestamp", "timestamptz",
        ]
        return all.filter { !$0.isKey && names.contains($0.name) }
    }()

    package static let compositeColumns: [OracleColumn] = [
        OracleColumn(
            name: "at", type: base(1184, "timestamptz"), sqlType: "timestamptz", send: "timestamptz_send",
            random: "timestamptz '2000-01-01' + (random() - 0.5) * interval '8000 years'"),
        OracleColumn(
            name: "label", type: base(25, "text"), sqlType: "text", send: "textsend",
            random: "chr(g + 31) || 'ü'"),
        OracleColumn(
            name: "amount", type: base(1700, "numeric"), sqlType: "numeric", send: "numeric_send",
            random: "random()::numeric * power(10::numeric, g % 40)"),
        OracleColumn(
            name: "code", type: base(2950, "uuid"), sqlType: "uuid", send: "uuid_send",
            random: "md5(random()::text)::uuid"),
        OracleColumn(
            name: "share", type: base(700, "real"), sqlType: "real", send: "float4send",
            random:
                "(case g % 9 when 0 then 'NaN' when 1 then '-0' when 2 then 'Infinity' else random()::text end)::real"),
        OracleColumn(
            name: "flag", type: base(18, "\"char\""), sqlType: "\"char\"", send: "charsend",
            random: "(g % 255 - 127)::int::\"char\""),
        OracleColumn(
            name: "raw", type: base(17, "bytea"), sqlType: "bytea", send: "byteasend",
            random: "decode(md5(random()::text), 'hex')"),
        OracleColumn(name: "n", type: base(20, "bigint"), sqlType: "bigint", send: "int8send", random: "g - 150"),
    ]

    private static func domain(_ base: PostgresType) -> PostgresType {
        PostgresType(oid: 99_000, name: "a domain", shape: .domain(base: base))
    }

    private static func key(
        _ name: String, _ type: PostgresType, _ sqlType: String, _ edges: [String], _ random: String,
        setUp: String? = nil
    ) -> OracleFamily {
        OracleFamily(
            name: name, type: type, sqlType: sqlType, setUp: setUp.map { [$0] } ?? [], edges: edges, random: random,
            expected: "", render: OracleText.other)
    }
}
