import BSON
import Model

/// Types whose values are the server's text, which the binary form has to give too.
extension OracleFamily {
    static let plainTexts: [OracleFamily] = [
        plain(
            "time", 1083, ["00:00:00", "24:00:00", "23:59:59.999999", "12:30:00.5"],
            "time '00:00' + random() * interval '1 day'"),
        plain(
            "timetz", 1266, ["00:00:00+00", "12:00:00-05:30", "23:59:59.9+15:59:59", "01:02:03.000004-00:00:01"],
            "(time '00:00' + random() * interval '1 day')::text::time + timetz '00:00+00'"),
        plain(
            "interval", 1186,
            [
                "0", "1 year 2 months -3 days 4:05:06.789", "-1 year -11 months", "1 month", "-0.000001 seconds",
                "P178000000Y", "-59.5 seconds", "2562047788:00:54.775807", "-1 day +00:00:01",
            ],
            "make_interval(months => (random() * 100 - 50)::int, days => (random() * 100 - 50)::int, "
                + "secs => (random() - 0.5) * 10 ^ (g % 9))"),
        plain(
            "inet", 869,
            ["::", "::1", "::1.2.3.4", "::ffff:1.2.3.4", "2001:db8::1/64", "1::", "0.0.0.0/0", "1:0:0:2::"],
            "(array[host('10.0.0.0'::inet + (random() * 1e7)::int8) || '/' || g % 33, "
                + "host('2001:db8::'::inet + (random() * 1e18)::int8) || '/' || g % 129])[1 + g % 2]::inet"),
        plain(
            "cidr", 650, ["10.0.0.0/8", "::/0", "192.168.1.5/32", "2001:db8::/32", "0:0:1::/48"],
            "network(set_masklen('10.0.0.0'::inet + (random() * 1e7)::int8, (g % 33)::int))"),
        plain("macaddr", 829, ["08:00:2b:01:02:03"], "left(md5(random()::text), 12)::macaddr"),
        plain("macaddr8", 774, ["08:00:2b:01:02:03:04:05"], "left(md5(random()::text), 16)::macaddr8"),
        plain("bit", 1560, ["101"], "('x' || left(md5(random()::text), 1))::bit(3)", sqlType: "bit(3)"),
        plain("varbit", 1562, ["", "1", "101010101"], "('x' || md5(random()::text))::bit(128)::varbit(100)"),
        plain(
            "pg_lsn", 3220, ["0/0", "FFFFFFFF/FFFFFFFF", "16/B374D848"], "'0/0'::pg_lsn + (random() * 1e18)::numeric"),
        plain("xid", 28, ["0", "4294967295"], "((random() * 1e9)::int8)::text::xid", hasEquality: false),
        plain("cid", 29, ["0", "4294967295"], "((random() * 1e9)::int8)::text::cid", hasEquality: false),
        plain("xid8", 5069, ["0", "18446744073709551615"], "((random() * 1e18)::int8)::text::xid8"),
        plain("refcursor", 1790, ["", "a"], "md5(random()::text)::refcursor", hasEquality: false),
        plain("tid", 27, ["(0,0)", "(4294967295,65535)"], "('(' || g || ',1)')::tid"),
        plain(
            "pg_snapshot", 5038, ["1:1:", "10:20:10,14,15"],
            "(g || ':' || g + 9 || ':' || g || ',' || g + 3)::pg_snapshot",
            hasEquality: false),
        plain("txid_snapshot", 2970, ["10:20:10,14"], "(g || ':' || g || ':')::txid_snapshot", hasEquality: false),
        plain(
            "jsonpath", 4072, ["$", "strict $.\"a b\"[*] ? (@ > 1.5)"],
            "('$.a' || g || '[0 to ' || g || ']')::jsonpath",
            hasEquality: false),
        plain(
            "xml", 142,
            ["<a/>", "text only", "<?xml version=\"1.0\"?><a>ü</a>", "<?xml version=\"1.0\" standalone=\"yes\"?><a/>"],
            "('<a b=\"' || g || '\">é</a>')::xml", hasEquality: false),
    ]

    /// Geometric types but the point, whose numbers are printed as float8 is.
    static let geometric: [OracleFamily] = {
        let x = "(random() - 0.5) * 10::float8 ^ (g % 44 - 22)"
        let point = "point(\(x), case g % 9 when 0 then '-0' when 1 then 'NaN' when 2 then '-Infinity' else \(x) end)"
        return [
            plain("line", 628, ["{1,-1,0}"], "line(point(0, \(x)), point(1, \(x)))", hasEquality: false),
            plain("lseg", 601, ["[(0,0),(1,1)]"], "lseg(\(point), \(point))", hasEquality: false),
            plain("box", 603, ["(1,1),(0,0)"], "box(point(\(x), \(x)), point(\(x), \(x)))", hasEquality: false),
            plain(
                "path", 602, ["((0,0),(1,1))", "[(0,0)]", "[(1e15,1e-5),(123456789012345,0.0001)]"],
                "(case g % 2 when 0 then '[' else '(' end || \(point) || ',' || \(point) "
                    + "|| case g % 2 when 0 then ']' else ')' end)::path", hasEquality: false),
            plain(
                "polygon", 604, ["((0,0))"], "polygon(box(point(\(x), \(x)), point(\(x), \(x))))", hasEquality: false),
            plain("circle", 718, ["<(0,0),1>"], "circle(point(\(x), \(x)), abs(\(x)))", hasEquality: false),
        ]
    }()

    static let textSearch: [OracleFamily] = [
        plain(
            "tsvector", 3614, ["", "a", "'a b':1A,2B,3C,4 'it''s' 'back\\\\slash':16383"],
            "setweight(to_tsvector('simple', md5(g::text) || ' fat ''cat'' ' || g), 'B') || to_tsvector('simple', 'x y x')"
        ),
        plain(
            "tsquery", 3615,
            [
                "", "a", "!a", "!!a", "a & b | c", "a & (b | c)", "!(a & b)", "!(a <-> b)", "a <-> b <-> c",
                "a <-> (b <-> c)",
                "a <2> (b & c)", "(a | b) <-> !c", "'it''s':*AB & 'back\\\\slash':D", "!a <-> b", "a | b | c & d & !e",
            ],
            // Any tree: each round takes two earlier ones.
            """
            (select string_agg(case floor(random() * 5)::int when 0 then '!( ' || t || ' ) & ' when 1 then '( ' || t || ' ) | ' \
            when 2 then '( ' || t || ' ) <-> ' when 3 then t || ' <3> ' else t || ' & ' end, '') || 'z' from \
            (select (array['a', 'b:*', 'c & d', '( e | f ) <-> g', '!h'])[1 + floor(random() * 5 + g * 0)::int] as t \
            from generate_series(1, 1 + (g % 6)::int)) s)::tsquery
            """, hasEquality: false),
    ]

    /// The operators of ltree are not on the search path of a pinned session.
    static let extensions: [OracleFamily] = [
        ("ltree", "Top.a.b_1", "('a.b' || g || '.c')"), ("lquery", "*.a|b.!c{1,2}", "('*.a' || g || '.*')"),
        ("ltxtquery", "a & !b@* | c", "('a & b' || g)"),
    ].map {
        name, edge, random in
        OracleFamily(
            name: name, type: PostgresType(oid: 99_031, name: name, shape: .extended(ExtensionType(rawValue: name)!)),
            sqlType: "public.\(name)", setUp: [makeExtension("ltree")],
            edges: quoted([edge]), random: "\(random)::public.\(name)", expected: "'s:' || x::text",
            render: OracleText.other, hasEquality: false)
    }

    /// Of types without a binary codec. `random` says nothing.
    package static let serverTexts: [OracleFamily] = [
        ("money", 790, ["'12.34'", "'-1234567.89'", "0"]),
        ("aclitem", 1033, ["'postgres=r*w/postgres'", "'=r/postgres'"]),
        ("regproc", 24, ["'pg_catalog.now'", "0::oid"]), ("regprocedure", 2202, ["'pg_catalog.lower(text)'"]),
        ("regoper", 2203, ["'pg_catalog.||/'", "0::oid"]), ("regoperator", 2204, ["'pg_catalog.+(integer,integer)'"]),
        ("regclass", 2205, ["'pg_catalog.pg_class'", "'public.filled'", "4294967295::oid"]),
        ("regtype", 2206, ["'integer[]'", "'timestamp with time zone'"]), ("regrole", 4096, ["'postgres'"]),
        ("regnamespace", 4089, ["'pg_catalog'", "'public'"]), ("regconfig", 3734, ["'pg_catalog.simple'"]),
        ("regdictionary", 3769, ["'pg_catalog.simple'"]), ("regcollation", 4191, [#"'"C"'"#, #"'"POSIX"'"#]),
    ].map { name, oid, edges in
        OracleFamily(
            name: name, type: base(oid, name), sqlType: name, edges: edges, random: "NULL",
            expected: "'s:' || format('%s', x)", render: OracleText.other, hasEquality: false)
    }

    private static func plain(
        _ name: String, _ oid: UInt32, _ edges: [String], _ random: String, sqlType: String? = nil,
        hasEquality: Bool = true
    ) -> OracleFamily {
        // A cast of inet to text adds the mask, one of xml keeps the declaration; the output functions do not.
        OracleFamily(
            name: name, type: base(oid, name), sqlType: sqlType ?? name, edges: quoted(edges), random: random,
            expected: ["inet", "xml"].contains(name) ? "'s:' || textin(\(name)_out(x))" : "'s:' || x::text",
            render: OracleText.other,
            hasEquality: hasEquality)
    }
}
