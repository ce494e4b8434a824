import BSON
import Model

/// Every type with a codec. Values that are compared as JSON are in `OracleJSON`.
extension OracleFamily {
    package static let all: [OracleFamily] =
        numbers + texts + bytes + times + keys + plainTexts + geometric + textSearch + extensions

    package static func base(_ oid: UInt32, _ name: String) -> PostgresType {
        PostgresType(oid: oid, name: name, shape: .base)
    }

    /// `'a', 'b'` from a, b.
    static func quoted(_ values: [String]) -> [String] { values.map { quoteLiteral($0) } }

    static let numbers: [OracleFamily] = [
        OracleFamily(
            name: "bool", type: base(16, "boolean"), sqlType: "bool", edges: ["true", "false", "null"],
            random: "random() < 0.5", expected: "x::text", render: OracleText.other),
        OracleFamily(
            name: "int2", type: base(21, "smallint"), sqlType: "int2", edges: ["0", "-1", "32767", "-32768", "null"],
            random: "(random() * 65535 - 32768)::int2", expected: "'i:' || x", render: OracleText.number),
        OracleFamily(
            name: "int4", type: base(23, "integer"), sqlType: "int4", edges: ["0", "2147483647", "-2147483648"],
            random: "(random() * 4294967295 - 2147483648)::int4", expected: "'i:' || x", render: OracleText.number),
        OracleFamily(
            name: "int8", type: base(20, "bigint"), sqlType: "int8",
            edges: ["0", "9223372036854775807", "-9223372036854775808"],
            random: "((random() - 0.5) * 1.8e19)::int8", expected: "'l:' || x", render: OracleText.number),
        OracleFamily(
            name: "oid", type: base(26, "oid"), sqlType: "oid", edges: ["0", "4294967295"],
            random: "(random() * 4294967295)::int8::oid", expected: "'l:' || x", render: OracleText.number),
        OracleFamily(
            name: "float8", type: base(701, "double precision"), sqlType: "float8",
            edges: quoted([
                "0", "-0", "NaN", "Infinity", "-Infinity", "5e-324", "1.7976931348623157e308", "0.1", "1e23",
            ]),
            random: "(random() - 0.5) * 10::float8 ^ (random() * 600 - 300)",
            expected: "encode(float8send(x), 'hex')", render: OracleText.bits),
        OracleFamily(
            name: "float4", type: base(700, "real"), sqlType: "float4",
            edges: quoted(["0", "-0", "NaN", "Infinity", "-Infinity", "1e-45", "3.4028235e38", "0.1", "16777217"]),
            random: "((random() - 0.5) * 10::float8 ^ (random() * 70 - 35))::float4",
            expected: "encode(float8send(x::float8), 'hex')", render: OracleText.bits),
        OracleFamily(
            name: "numeric", type: base(1700, "numeric"), sqlType: "numeric",
            edges: quoted([
                "0", "0.00", "-1", "12.50", "10000", "100000000", "0.0001", "0.00010000", "-0.5", "1e33", "1e34",
                "1e40",
                "9999999999999999999999999999999999", "99999999999999999999999999999999999", "1e-34", "1e-6176",
                "1e-6177", "1e-7000", "NaN", "Infinity", "-Infinity", "123456789012345678901234567890.1234",
                "1234567890123456789012345678901.1234", "0.1234567890123456789012345678901234",
            ]) + ["repeat('9', 131072)::numeric", "('-0.' || repeat('7', 16383))::numeric"],
            random: """
                (select string_agg(floor(random() * 10)::int::text, '') from generate_series(1, 1 + (g * 7)::int % 40))\
                ::numeric * power(10::numeric, -(g % 23)::int) * sign(random() - 0.5)::int
                """,
            expected: """
                case when x::text ~ '[NI]' then 'd:' when scale(x) > 6176 or \
                length(ltrim(translate(x::text, '-.', ''), '0')) > 34 then 's:' else 'd:' end || x::text
                """,
            render: OracleText.decimal),
    ]

    static let texts: [OracleFamily] = [
        text("text", 25, "text"), text("varchar", 1043, "varchar(60)"), text("bpchar", 1042, "char(60)"),
        text("name", 19, "name"),
        OracleFamily(
            name: "\"char\"", type: base(18, "\"char\""), sqlType: "\"char\"", edges: ["''", "'a'", "'\\'"],
            random: "(g % 255 + 1 - 128)::int::\"char\"", expected: "'s:' || x::text", render: OracleText.other),
        OracleFamily(
            name: "enum", type: PostgresType(oid: 90_001, name: "public.oracle_mood", shape: .enum),
            sqlType: "pg_temp.oracle_mood", setUp: ["CREATE TYPE pg_temp.oracle_mood AS ENUM ('fine', 'süß', 'so so')"],
            edges: ["'süß'", "null"], random: "('{fine,so so}'::pg_temp.oracle_mood[])[1 + g % 2]",
            expected: "'s:' || x::text", render: OracleText.other),
        OracleFamily(
            name: "domain",
            type: PostgresType(
                oid: 90_002, name: "public.oracle_price", shape: .domain(base: base(1700, "numeric"))),
            sqlType: "pg_temp.oracle_price", setUp: ["CREATE DOMAIN pg_temp.oracle_price AS numeric(12, 3)"],
            edges: ["1.5", "0"], random: "random() * 1000000", expected: "'d:' || x::text", render: OracleText.decimal),
    ]

    private static func text(_ name: String, _ oid: UInt32, _ sqlType: String) -> OracleFamily {
        OracleFamily(
            name: name, type: base(oid, name), sqlType: sqlType,
            edges: quoted(["", " padded ", "NULL", "\\", "\n\t'\""]),
            random: """
                (select string_agg(chr((array[65, 233, 8364, 128512, 10, 34, 92, 39, 9, 48, 2047, 65535])\
                [1 + floor(random() * 12)::int]), '') from generate_series(1, (g % 15)::int))
                """,
            // A cast of bpchar to text strips the padding; the output function does not.
            expected:
                "'s:' || convert_from(\(name == "bpchar" ? "bpcharsend" : "textsend")(x\(name == "name" ? "::text" : "")), 'UTF8')",
            render: OracleText.other)
    }

    static let bytes: [OracleFamily] = [
        OracleFamily(
            name: "bytea", type: base(17, "bytea"), sqlType: "bytea",
            edges: ["''", "'\\x00ff5c'", "'\\\\\\001abc'", "null"],
            random: "decode(repeat(md5(random()::text), (g % 5)::int), 'hex')", expected: "'0:' || encode(x, 'hex')",
            render: OracleText.bytes),
        OracleFamily(
            name: "uuid", type: base(2950, "uuid"), sqlType: "uuid",
            edges: ["'00000000-0000-0000-0000-000000000000'", "'ffffffff-ffff-ffff-ffff-ffffffffffff'"],
            random: "md5(random()::text)::uuid", expected: "'4:' || replace(x::text, '-', '')", render: OracleText.bytes
        ),
    ]

    static let times: [OracleFamily] = [
        OracleFamily(
            name: "date", type: base(1082, "date"), sqlType: "date",
            edges: quoted(["1970-01-01", "infinity", "-infinity", "4714-11-24 BC", "0001-01-01 BC", "5874897-12-31"]),
            random: "date '2000-01-01' + ((random() - 0.5) * 2000000)::int",
            expected: """
                case when isfinite(x) then 'm:' || (x - date '1970-01-01')::int8 * 86400000 else 's:' || x end
                """,
            render: OracleText.date),
        moment("timestamp", 1114), moment("timestamptz", 1184),
    ]

    static let moments = quoted([
        "1970-01-01 00:00:00", "1969-12-31 23:59:59.999999", "1999-12-31 23:59:59.9995", "infinity", "-infinity",
        "4713-01-01 00:00:00 BC", "294276-12-31 23:59:59", "294200-12-31 23:59:59.999999", "0044-03-15 12:00:00.5 BC",
        "12024-02-29 01:02:03.04",
    ])

    private static func moment(_ name: String, _ oid: UInt32) -> OracleFamily {
        OracleFamily(
            name: name, type: base(oid, name), sqlType: name, edges: moments,
            random: "\(name) '2000-01-01' + (random() - 0.5) * interval '8000 years' + g * interval '1 microsecond'",
            expected: """
                case when isfinite(x) then 'm:' || floor(extract(epoch from x) * 1000)::int8 else 's:' || x end
                """,
            render: OracleText.date)
    }

    /// Timestamps lose nothing in a key.
    static let keys: [OracleFamily] = [("timestamp", 1114, ""), ("timestamptz", 1184, "\"Z\"")].map {
        name, oid, zone in
        OracleFamily(
            name: name, type: base(oid, name), sqlType: name,
            edges: quoted(["1970-01-01 00:00:00", "1969-12-31 23:59:59.999999", "infinity", "-infinity"]),
            random: "\(name) '3000-01-01' + (random() - 0.5) * interval '3000 years' + g * interval '1 microsecond'",
            expected: """
                's:' || case when isfinite(x) then to_char(x, 'YYYY-MM-DD"T"HH24:MI:SS.US\(zone)') else x::text end
                """,
            render: OracleText.other, isKey: true)
    }
}
