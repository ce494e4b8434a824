import BSON
import Model
import Testing

/// json, jsonb and arrays, which are compared as JSON by the server.
package struct OracleJSON: Sendable, CustomTestStringConvertible {
    package let name: String
    package var testDescription: String { name }
    package let type: PostgresType
    package let sqlType: String
    /// Run before anything else, for types that have to be made.
    package var setUp: [String] = []
    /// SQL literals, quoted where needed.
    package let edges: [String]
    /// An expression over `g` (1, 2, 3, …) and `random()`.
    package let random: String
    /// What the value should be, an expression over `x`.
    package var json = "to_jsonb(x)"

    package static let all: [OracleJSON] = [json("jsonb", 3802), json("json", 114)] + arrays + structures

    /// Its own types made in a schema, to last beyond a session, in place of the temporary one.
    package func within(_ schema: String) -> OracleJSON {
        func moved(_ text: String) -> String { text.replacing("pg_temp.", with: "\(schema).") }
        return OracleJSON(
            name: name, type: type, sqlType: moved(sqlType), setUp: setUp.map(moved), edges: edges.map(moved),
            random: moved(random), json: moved(json))
    }

    /// Extended only where JSON has no word: dates and bytes don't occur here.
    package static func text(_ value: BSONValue) -> String {
        switch value {
        case .document(let document):
            "{" + document.elements.map { "\(string($0.name)):\(text($0.value))" }.joined(separator: ",") + "}"
        case .array(let values): "[" + values.map { text($0) }.joined(separator: ",") + "]"
        case .string(let text): string(text)
        case .decimal128(let value): OracleText.plain(value)
        default: value.debugDescription
        }
    }

    private static func string(_ text: String) -> String { BSONValue.string(text).debugDescription }

    private static func json(_ name: String, _ oid: UInt32) -> OracleJSON {
        OracleJSON(
            name: name, type: OracleFamily.base(oid, name), sqlType: name,
            edges: OracleFamily.quoted([
                "null", "true", "1", "-0", "1.0", "\"\"", "{}", "[]", "[[[]]]", "2147483648", "-9223372036854775808",
                "9223372036854775808", "12345678901234567890123456789.12345", "0.1", "0.10", "1e3", "1E-3", "1e400",
                "0.30000000000000004", "0.1000000000000000055511151231257827", "123456789012345680",
                "1.7976931348623157e308",
                #"{"a": 1, "b": {"c": [1, 2.5, "x\n\u00e9\ud83d\ude00", null]}, "": 0, "$x": 1, "a.b": 2}"#,
                #"{"a": 1, "b": 2, "a": 3}"#, #"{"\"\\": "\/\b\f\n\r\t"}"#, #"  [ 1 , { "k" : [ ] } ]  "#,
            ]),
            random: """
                jsonb_build_object('i', g, 'd', random() * 10 ^ (g % 30 - 15), 'n', random()::numeric * power(10::numeric, \
                g % 20), 's', (select string_agg(chr((array[65, 233, 8364, 128512, 10, 34, 92, 9])\
                [1 + floor(random() * 8)::int]), '') from generate_series(1, (g % 20)::int)), 'a', \
                jsonb_build_array(g % 2 = 0, null, jsonb_build_object('x', (random() * 1e12)::int8)))::\(name)
                """)
    }

    private static let arrays: [OracleJSON] = [
        array(
            "int4", 23, ["{}", "{1,NULL,-3}", "[2:3]={5,6}", "{{1,2},{3,4}}", "{{{1}},{{2}}}"],
            "array[g, null, (random() * 1e9)::int4]"),
        array("int8", 20, ["{9223372036854775807}"], "array[[g::int8, 1], [2, (random() * 1e18)::int8]]"),
        array("bool", 16, ["{t,f,NULL}"], "array[random() < 0.5, g % 3 = 0]"),
        array("float8", 701, ["{0.1,1e-10,-2.5}"], "array[random(), random() * 10 ^ (g % 34 - 20)]"),
        array("numeric", 1700, ["{12.50,0}"], "array[round(random()::numeric * 1e6, (g % 9)::int), null]"),
        array(
            "text", 25, [#"{"",NULL,"NULL","a,b","{x}","q\"\\ "}"#, "{\"\n\",é}"],
            "array[md5(random()::text), null, chr(34) || chr(92) || ',{}' || g, '', ' ', 'null']"),
        array("varchar", 1043, ["{a}"], "array[g::text, 'ü,']"),
        array("uuidtext", 25, ["{a}"], "array[md5(g::text)::uuid::text]", sqlType: "text"),
    ]

    private static func array(
        _ name: String, _ oid: UInt32, _ edges: [String], _ random: String, sqlType: String? = nil
    ) -> OracleJSON {
        OracleJSON(
            name: "\(name)[]",
            type: PostgresType(
                oid: 0, name: "\(name)[]",
                shape: .array(element: OracleFamily.base(oid, name), delimiter: UInt8(ascii: ","))),
            sqlType: (sqlType ?? name) + "[]", edges: OracleFamily.quoted(edges), random: random)
    }
}
