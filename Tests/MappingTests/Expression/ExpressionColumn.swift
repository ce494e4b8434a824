import Model
import TestSupport

/// The columns over which random expressions are computed, each with values that have something about them.
struct ExpressionColumn: Sendable {
    let name: String
    let type: PostgresType
    let sqlType: String
    /// What gives the binary form.
    let send: String
    /// SQL literals without a type.
    let values: [String]

    init(
        _ name: String, _ type: PostgresType, sqlType: String? = nil, send: String? = nil, _ values: [String]
    ) {
        self.name = name
        self.type = type
        self.sqlType = sqlType ?? type.name
        self.send = send ?? "\(type.name)send"
        self.values = values
    }

    private static func base(_ oid: UInt32, _ name: String) -> PostgresType { OracleFamily.base(oid, name) }

    static let all: [ExpressionColumn] = numbers + texts + moments + others

    private static let numbers: [ExpressionColumn] = [
        ExpressionColumn("s", base(21, "int2"), ["0", "1", "-1", "7", "-32768", "32767", "200"]),
        ExpressionColumn("i", base(23, "int4"), ["0", "1", "-1", "2", "-2147483648", "2147483647", "65536", "12"]),
        ExpressionColumn(
            "l", base(20, "int8"), ["0", "1", "-3", "9223372036854775807", "-9223372036854775808", "4294967296"]),
        ExpressionColumn(
            "n", base(1700, "numeric"), send: "numeric_send",
            [
                "0", "0.00", "1", "-1", "1.5", "-2.5", "0.5", "3.14159", "100000000000000000000", "1e1000",
                "123456789012345678901234567890.123456789", "1e-20", "NaN", "Infinity", "-Infinity", "9999.9999",
                "0.0001",
                "10000", "-99999999.5", "7.000", "2147483647.5", "-0.4",
            ]),
        ExpressionColumn(
            "m", base(1700, "numeric"), sqlType: "numeric(12,2)", send: "numeric_send", ["0", "19.99", "-0.01", "1000"]),
        ExpressionColumn(
            "r", base(700, "float4"), ["0", "-0", "0.1", "1e38", "-1e-38", "NaN", "Infinity", "16777217", "2.5"]),
        ExpressionColumn(
            "f", base(701, "float8"),
            [
                "0", "-0", "1", "1.5", "-2.5", "2.5", "0.1", "1e308", "-1e308", "1e-308", "5e-324", "NaN", "Infinity",
                "-Infinity", "123456789.123", "1e15", "2147483647.5", "9.2233720368547758e18",
            ]),
    ]

    private static let texts: [ExpressionColumn] = [
        ExpressionColumn(
            "t", base(25, "text"),
            [
                "", " ", "abc", "ABC déjà", "12", " -7 ", "1.5", "true", "x,y,,z", "%a_b\\", "日本語テキスト", "😀a", "aaa",
                "NaN", "1e3", "on", "99999999999", "it''s", "1e400", "-Infinity", "ß",
            ]),
        ExpressionColumn(
            "v", base(1043, "varchar"), sqlType: "varchar(20)", ["", "abc", "a%c", "xyxxy", "x", "off", "+5"]),
        ExpressionColumn("c", base(1042, "bpchar"), sqlType: "char(5)", ["", "abc", "  x", "x"]),
        ExpressionColumn(
            "e", PostgresType(oid: 90_000, name: "oracle_mood", shape: .enum), sqlType: "oracle_mood",
            send: "enum_send",
            ["sad", "ok", "happy ever after"]),
        ExpressionColumn(
            "j", base(114, "json"), send: "json_send",
            [
                "{\"a\": 1, \"b\" : [1, 2, {\"c\":\"x\"}], \"a\": \"zwei\\\"\\u00e9\"}",
                "[ 1.50e3 , null, \"t\\n\", [ ] ]",
                "\"text\"", "5", "null", "{}", "{\"a\":\"\\u0000\", \"b\":2}", "{\"\\u0061\": {\"b\" : null}}",
                "{\"b\": \"\\ud83d\\ude00\", \"a\":[]}",
            ]),
        ExpressionColumn(
            "jb", base(3802, "jsonb"), send: "jsonb_send",
            [
                "{\"a\": 1, \"b\": [1, 2, {\"c\": \"x\"}]}", "[1.50, null, \"q\\\"\\n\", [], {\"a\": 5}]", "\"text\"",
                "5",
                "null", "{}", "[]", "{\"a\": {\"b\": \"12\"}, \"b\": \"true\"}", "false", "{\"a\": null}",
            ]),
    ]

    private static let moments: [ExpressionColumn] = [
        ExpressionColumn(
            "d", base(1082, "date"), send: "date_send",
            [
                "2024-02-29", "2000-01-01", "1970-01-01", "0044-03-15 BC", "infinity", "-infinity", "5874897-12-31",
                "4714-11-24 BC", "2020-12-31", "2021-01-03", "294276-12-31", "294277-01-01", "0001-01-01",
            ]),
        ExpressionColumn(
            "ts", base(1114, "timestamp"), send: "timestamp_send",
            [
                "2024-02-29 23:59:59.999999", "2000-01-01 00:00:00", "1969-12-31 23:59:59.5", "0044-03-15 12:00:00 BC",
                "infinity", "-infinity", "294276-12-31 23:59:59.999999", "4714-11-24 00:00:00 BC",
                "2021-01-01 05:06:07",
                "2016-01-03 00:00:00.000001",
            ]),
        ExpressionColumn(
            "tz", base(1184, "timestamptz"), send: "timestamptz_send",
            [
                "2024-02-29 23:59:59.999999+00", "2000-01-01 00:00:00+05:30", "0044-03-15 12:00:00+00 BC", "infinity",
                "-infinity", "2021-01-01 05:06:07+00", "1582-10-15 00:00:00.12+00",
            ]),
    ]

    private static let others: [ExpressionColumn] = [
        ExpressionColumn("b", base(16, "bool"), ["true", "false"]),
        ExpressionColumn(
            "u", base(2950, "uuid"), send: "uuid_send",
            ["00000000-0000-0000-0000-000000000000", "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11"]),
        ExpressionColumn(
            "a", PostgresType(oid: 1007, name: "int4[]", shape: .array(element: base(23, "int4"), delimiter: 0x2C)),
            send: "array_send", ["{}", "{1,NULL,3}", "[0:1]={5,6}", "{{1,2,3},{4,5,6}}"]),
        ExpressionColumn(
            "w", PostgresType(oid: 1009, name: "text[]", shape: .array(element: base(25, "text"), delimiter: 0x2C)),
            send: "array_send", ["{}", "{\"a,b\",\"{\",\"\\\\\\\"\"}", "{{\"}\"},{x}}", "{NULL}", "{\"\"}"]),
        ExpressionColumn(
            "k", PostgresType(oid: 90_001, name: "oracle_count", shape: .domain(base: base(23, "int4"))),
            sqlType: "oracle_count", send: "int4send", ["0", "5", "-2147483648"]),
        ExpressionColumn("p", base(600, "point"), send: "point_send", ["(1,2)"]),
    ]
}
