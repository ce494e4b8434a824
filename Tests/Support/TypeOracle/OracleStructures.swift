import BSON
import Model

/// Types with parts, and types that are more than a string: compared as JSON that SQL makes of their parts.
extension OracleJSON {
    static let structures: [OracleJSON] = composites + ranges + others

    private static let int4 = OracleFamily.base(23, "integer")
    private static let text = OracleFamily.base(25, "text")
    private static let numeric = OracleFamily.base(1700, "numeric")

    /// `'…'::type` of each.
    private static func literals(_ values: [String]) -> [String] { OracleFamily.quoted(values) }

    private static func array(of element: PostgresType) -> PostgresType {
        PostgresType(oid: 0, name: "\(element.name)[]", shape: .array(element: element, delimiter: 0x2C))
    }

    private static func domain(over base: PostgresType) -> PostgresType {
        PostgresType(oid: 0, name: "a domain", shape: .domain(base: base))
    }

    private static func composite(_ attributes: (String, PostgresType)...) -> PostgresType {
        PostgresType(
            oid: 0, name: "a composite",
            shape: .composite(attributes.map { PostgresType.Attribute(name: $0.0, type: $0.1) }))
    }

    // MARK: - Composites

    private static let pair = composite(("a", int4), ("b", text))
    private static let nested = composite(
        ("x", text), ("pair", pair), ("pairs", array(of: pair)), ("n", domain(over: numeric)), ("$x.y", array(of: text))
    )

    private static let makePair = "CREATE TYPE pg_temp.oracle_pair AS (a int, b text)"
    private static let awkward = "chr(34) || chr(92) || ',(){}' || chr(39) || chr(10) || g || 'ü'"

    private static let composites: [OracleJSON] = [
        OracleJSON(
            name: "composite", type: pair, sqlType: "pg_temp.oracle_pair", setUp: [makePair],
            edges: [
                "null", "ROW(1, null)", "ROW(null, '')", "ROW(null, null)", #"ROW(2, ' (,"\ ')"#, "ROW(3, 'NULL')",
            ],
            random: "ROW(g, \(awkward))::pg_temp.oracle_pair"),
        OracleJSON(
            name: "composite of composites and arrays", type: nested, sqlType: "pg_temp.oracle_nested",
            setUp: [
                makePair, "CREATE DOMAIN pg_temp.oracle_number AS numeric",
                """
                CREATE TYPE pg_temp.oracle_nested AS
                ("x" text, pair pg_temp.oracle_pair, pairs pg_temp.oracle_pair[], n pg_temp.oracle_number, "$x.y" text[])
                """,
                #"ALTER TYPE pg_temp.oracle_nested ADD ATTRIBUTE gone int"#,
                #"ALTER TYPE pg_temp.oracle_nested DROP ATTRIBUTE gone"#,
            ],
            edges: ["null", "ROW(null, null, null, null, null)", "ROW('', ROW(null, null), '{}', '0.10', '{NULL}')"],
            random: """
                ROW(\(awkward), ROW(g, \(awkward)), array[ROW(1, \(awkward)), null, ROW(null, null)]::pg_temp.oracle_pair[], \
                random()::numeric, array[\(awkward), null, ''])::pg_temp.oracle_nested
                """),
        OracleJSON(
            name: "array of composites", type: array(of: pair), sqlType: "pg_temp.oracle_pair[]", setUp: [makePair],
            edges: ["null", "'{}'", #"'{NULL,"(,)","(1,\"a,\"\"b\")"}'"#],
            random: "array[[ROW(g, \(awkward)), null], [ROW(null, ''), ROW(1, 'x')]]::pg_temp.oracle_pair[]"),
        OracleJSON(
            name: "array of a domain over an array",
            type: array(of: domain(over: array(of: int4))), sqlType: "pg_temp.oracle_list[]",
            setUp: ["CREATE DOMAIN pg_temp.oracle_list AS int4[]"],
            edges: ["null", "'{}'", #"'{"{}",NULL,"{NULL}"}'"#],
            random: #"('{"{' || g || ',NULL}","{{1,2},{3,4}}"}')::pg_temp.oracle_list[]"#),
        OracleJSON(
            name: "domain over a composite", type: domain(over: pair), sqlType: "pg_temp.oracle_couple",
            setUp: [makePair, "CREATE DOMAIN pg_temp.oracle_couple AS pg_temp.oracle_pair"],
            edges: ["null", "ROW(null, '')", "ROW(null, null)"], random: "ROW(g, \(awkward))::pg_temp.oracle_pair"),
        OracleJSON(
            name: "domain over a domain over an array", type: domain(over: domain(over: array(of: text))),
            sqlType: "pg_temp.oracle_words",
            setUp: [
                "CREATE DOMAIN pg_temp.oracle_texts AS text[]",
                "CREATE DOMAIN pg_temp.oracle_words AS pg_temp.oracle_texts CHECK (cardinality(VALUE) < 9)",
            ], edges: ["null", "'{}'", "'{NULL,NULL}'"], random: "array[\(awkward), null]"),
    ]

    // MARK: - Ranges

    private static func range(of bound: PostgresType) -> PostgresType {
        PostgresType(oid: 99_020, name: "a range", shape: .range(of: bound))
    }

    private static func json(ofRange x: String) -> String {
        """
        jsonb_build_object('lower', lower(\(x)), 'upper', upper(\(x)), 'bounds', case when isempty(\(x)) then 'empty' \
        else case when lower_inc(\(x)) then '[' else '(' end || case when upper_inc(\(x)) then ']' else ')' end end)
        """
    }

    private static func multirange(of bound: PostgresType) -> PostgresType {
        PostgresType(oid: 99_021, name: "a multirange", shape: .multirange(of: bound))
    }

    private static let makeTextRange = "CREATE TYPE pg_temp.oracle_words AS RANGE (subtype = text)"

    private static let ranges: [OracleJSON] = [
        OracleJSON(
            name: "int4range", type: range(of: int4), sqlType: "int4range",
            edges: literals(["empty", "(,)", "[1,5)", "(,5]", "[-3,)", "[4,4]"]) + ["null"],
            random: "int4range(-g::int, (g + random() * 1e6)::int, (array['[]', '()', '[)', '(]'])[1 + g % 4])",
            json: json(ofRange: "x")),
        OracleJSON(
            name: "numrange", type: range(of: numeric), sqlType: "numrange",
            edges: literals(["empty", "(,)", "[1.50,1.50]", "(0.0,1e-20]"]),
            random: "numrange(-random()::numeric, round(random()::numeric * power(10::numeric, g % 20), 9), '(]')",
            json: json(ofRange: "x")),
        OracleJSON(
            name: "range of text", type: range(of: text), sqlType: "pg_temp.oracle_words", setUp: [makeTextRange],
            edges: literals(["empty", "(,)", #"["",""]"#, #"["NULL","empty"]"#]),
            random: "pg_temp.oracle_words('!' || \(awkward), 'z' || \(awkward), '[]')", json: json(ofRange: "x")),
        OracleJSON(
            name: "array of ranges", type: array(of: range(of: int4)), sqlType: "int4range[]",
            edges: literals(["{}", #"{empty,NULL,"[1,3)","(,)"}"#]), random: "array[int4range(1, g + 2), null]",
            json: "(select coalesce(jsonb_agg(case when r is not null then \(json(ofRange: "r")) end), '[]') "
                + "from unnest(x) r)"),
        OracleJSON(
            name: "int4multirange", type: multirange(of: int4), sqlType: "int4multirange",
            edges: literals(["{}", "{(,)}", "{(,1),[3,5),[7,)}"]) + ["null"],
            random: "int4multirange(int4range(-g, 0), int4range(g, g + 5), int4range(g + 9, null))",
            json: "(select coalesce(jsonb_agg(\(json(ofRange: "r"))), '[]') from unnest(x) r)"),
        OracleJSON(
            name: "multirange of text", type: multirange(of: text), sqlType: "pg_temp.oracle_words_set",
            setUp: [
                "CREATE TYPE pg_temp.oracle_words AS RANGE "
                    + "(subtype = text, multirange_type_name = pg_temp.oracle_words_set)"
            ],
            edges: literals(["{}"]),
            random: "pg_temp.oracle_words_set(pg_temp.oracle_words('!' || \(awkward), 'a'), "
                + "pg_temp.oracle_words('b' || \(awkward), 'c}', '[]'))",
            json: "(select coalesce(jsonb_agg(\(json(ofRange: "r"))), '[]') from unnest(x) r)"),
    ]

    // MARK: - Others

    private static func extended(_ type: ExtensionType) -> PostgresType {
        PostgresType(oid: 99_030, name: type.rawValue, shape: .extended(type))
    }

    /// Random points in a shape of every kind, which SQL makes into GeoJSON too. That has 17 decimal places at most, which
    /// is too few for all digits of a double near zero: the points have 12.
    private static func geometry(_ type: String, _ kinds: [String]) -> OracleJSON {
        let points = """
            (select array_agg(public.st_makepoint(round((random() * 360 - 180)::numeric, 12)::float8, \
            round((random() * 180 - 90)::numeric, 12)::float8) order by random()) from generate_series(1, 3 + g % 5))
            """
        let line = "public.st_makeline(\(points))"
        let shapes = [
            "Point": "(\(points))[1]", "LineString": line, "Polygon": "public.st_envelope(\(line))",
            "MultiPoint": "public.st_collect(\(points))", "MultiLineString": "public.st_multi(\(line))",
            "MultiPolygon": "public.st_multi(public.st_envelope(\(line)))",
        ]
        let cases = kinds.enumerated().map { "when \($0) then \(shapes[$1] ?? "")" }.joined(separator: " ")
        let more =
            type == "geography"
            ? []
            : [
                "POINT EMPTY", "POINT Z (1 2 3)", "SRID=3857;POINT(1 2)", "SRID=4326;POINT(-0.5 1e-7)", "POLYGON EMPTY",
                "GEOMETRYCOLLECTION(POINT(1 2), LINESTRING(0 0, 1 1))",
                "GEOMETRYCOLLECTION EMPTY", "POLYGON((0 0,9 0,9 9,0 0),(1 1,2 1,2 2,1 1))",
                "SRID=4326;LINESTRING(0 0, 1 1)",
            ]
        return OracleJSON(
            name: type, type: extended(ExtensionType(rawValue: type)!), sqlType: "public.\(type)",
            setUp: [OracleFamily.makeExtension("postgis")],
            edges: literals(more + ["POINT(1 2)"]) + ["null"],
            random: "(case g % \(kinds.count) \(cases) end)::public.\(type)",
            json: "public.st_asgeojson(x, 17, 8)::jsonb")
    }

    /// Of pgvector, which only some servers have.
    package static let vector = OracleJSON(
        name: "vector", type: extended(.vector), sqlType: "public.vector",
        setUp: [OracleFamily.makeExtension("vector")],
        edges: literals(["[0]", "[1,-2.5,1e-30]", "[0.1,3.4028235e38]"]) + ["null"],
        random:
            "(select array_agg((random() - 0.5) * 10 ^ (n % 14)) from generate_series(1, 1 + g % 40) n)::public.vector",
        json: "to_jsonb(x::real[]::float8[])")

    private static let others: [OracleJSON] = [
        OracleJSON(
            name: "hstore", type: extended(.hstore), sqlType: "public.hstore",
            setUp: [OracleFamily.makeExtension("hstore")],
            edges: literals(["", #" ""=>"", a=>NULL, "b"=>"NULL", "$c.d"=>"e""#]) + ["null"],
            random: "public.hstore(array[\(awkward), 'k' || g, ''], array[\(awkward), null, ''])",
            json: "public.hstore_to_jsonb(x)"),
        geometry("geometry", ["Point", "LineString", "Polygon", "MultiPoint", "MultiLineString", "MultiPolygon"]),
        geometry("geography", ["Point", "LineString", "Polygon"]),
        OracleJSON(
            name: "point", type: OracleFamily.base(600, "point"), sqlType: "point",
            edges: literals(["(0,0)", "(-0.5,1e300)"]), random: "point(random() * 360 - 180, random() * 10 ^ (g % 12))",
            json: "jsonb_build_object('type', 'Point', 'coordinates', jsonb_build_array(x[0], x[1]))"),
        OracleJSON(
            name: "int2vector", type: OracleFamily.base(22, "int2vector"), sqlType: "int2vector",
            edges: literals(["", "1", "-1 32767"]), random: "(g % 7 || ' ' || g)::int2vector",
            json: "array_to_json(x::int2[])::jsonb"),
        OracleJSON(
            name: "oidvector", type: OracleFamily.base(30, "oidvector"), sqlType: "oidvector",
            edges: literals(["", "4294967295"]), random: "(g || ' 0')::oidvector",
            json: "(select coalesce(jsonb_agg(o::int8), '[]') from unnest(x) o)"),
    ]
}
