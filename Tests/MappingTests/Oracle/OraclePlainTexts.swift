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
        plain("xid", 28, ["0", "4294967295"], "((random() * 1e9)::int8)::text::xid"),
        plain("cid", 29, ["0", "4294967295"], "((random() * 1e9)::int8)::text::cid"),
        plain("xid8", 5069, ["0", "18446744073709551615"], "((random() * 1e18)::int8)::text::xid8"),
        plain("refcursor", 1790, ["", "a"], "md5(random()::text)::refcursor"),
    ]

    private static func plain(
        _ name: String, _ oid: UInt32, _ edges: [String], _ random: String, sqlType: String? = nil
    ) -> OracleFamily {
        // A cast of inet to text adds the mask; the output function does not.
        OracleFamily(
            name: name, type: base(oid, name), sqlType: sqlType ?? name, edges: quoted(edges), random: random,
            expected: name == "inet" ? "'s:' || textin(inet_out(x))" : "'s:' || x::text", render: OracleText.other)
    }
}
