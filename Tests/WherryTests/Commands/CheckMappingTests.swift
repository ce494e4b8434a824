import DevServers
import Foundation
import TestSupport
import Testing

@testable import WherryCommand

/// What `wherry check` says of values and rows, of tables on a real server.
@Suite(.onServers) struct CheckMappingTests {
    private struct Place {
        let name = uniqueName("check")
        let postgres: PostgresServer
        let environment: [String: String]

        init(_ sql: String) async throws {
            postgres = try await SharedServers.shared.postgresServer()
            let mongo = try await SharedServers.shared.mongoServer()
            environment = [
                "WHERRY_SOURCE": postgres.uri(database: name), "WHERRY_TARGET": mongo.uri(database: name),
                "WHERRY_STATE_DATABASE": "\(name)_state", "PATH": "/usr/bin:/bin",
            ]
            _ = try await postgres.psql("CREATE DATABASE \(name)")
            try await self.sql(sql)
        }

        func sql(_ text: String) async throws { _ = try await postgres.psql(text, database: name) }

        /// The messages about a table, by code.
        func findings(of table: String, _ file: String = "", code: Int32 = 0) async throws -> [String: String] {
            let run = try await withTemporaryFile(file) { path in
                await program(
                    ["check", "--json"] + (file.isEmpty ? [] : ["--config", path]), environment: environment,
                    backend: Wiring.backend)
            }
            #expect(run.code == code, "\(run.errors)")
            let report = try JSONSerialization.jsonObject(with: Data(run.output.utf8)) as? [String: Any]
            let findings = try #require(report?["findings"] as? [[String: Any]])
            let mine = findings.filter { ($0["subject"] as? String)?.hasPrefix("public.\(table)") == true }
            for finding in mine where code == 0 { #expect(finding["severity"] as? String == "info", "\(finding)") }
            return Dictionary(mine.map { ("\($0["code"] ?? "")", "\($0["message"] ?? "")") }) { "\($0)\n\($1)" }
        }
    }

    private static let values = """
        CREATE DOMAIN cents AS numeric(12, 2);
        CREATE DOMAIN more_cents AS cents;
        CREATE DOMAIN amount AS numeric;
        CREATE DOMAIN narrow AS numeric(10, 2)[];
        CREATE TYPE item AS (price numeric, at timestamptz);
        CREATE TABLE numbers (
            id numeric PRIMARY KEY, exact numeric(34, 4), small numeric(3, 5), prices numeric(10, 2)[], cents cents,
            more more_cents, several cents[], narrow narrow, zeros numeric(24, -10), whole int,
            too_many numeric(25, -10), plain numeric, long numeric(35), amounts amount[], span numrange,
            item item, spans nummultirange);
        CREATE TABLE moments (
            id timestamptz PRIMARY KEY, at timestamptz, millis timestamptz(3), hours timestamp(0)[], day date,
            during tsrange, noon time);
        CREATE TABLE plain (id int PRIMARY KEY, t text);
        """

    @Test func valuesByPolicy() async throws {
        let place = try await Place(Self.values)
        let numbers = try await place.findings(of: "numbers")
        let list = "in too_many, plain, long, amounts, span and 2 more"
        #expect(
            numbers["numeric_overflow"]
                == "a number of more than 34 digits becomes text \(list) (numeric_overflow: string)")
        #expect(numbers["timestamp"] == "timestamps are cut to milliseconds in item (timestamp: date)")
        let moments = try await place.findings(of: "moments")
        #expect(moments["timestamp"] == "timestamps are cut to milliseconds in at, during (timestamp: date)")
        #expect(
            moments["out_of_range"]
                == "infinity becomes text in at, millis, hours, day, during (out_of_range: string)")
        #expect(
            moments["way_back"]
                == "the documents of moments give its rows back only with losses (cut to milliseconds: at, during; "
                + "arrays as if they began at 1: hours)")
        #expect(moments["key_as_text"] != nil && moments.count == 4)
        #expect(try await place.findings(of: "plain") == [:])
    }

    @Test func otherPolicies() async throws {
        let place = try await Place(Self.values)
        let refusing = "defaults: { numeric_overflow: fail, out_of_range: fail, timestamp: int64_micros }"
        #expect(
            try await place.findings(of: "numbers", refusing)["numeric_overflow"]?.hasPrefix(
                "a number of more than 34 digits stops the pipeline in id, too_many, ") == true)
        let moments = try await place.findings(of: "moments", refusing)
        #expect(
            moments["timestamp"]
                == "timestamps are whole numbers of microseconds in at, millis, hours, during (timestamp: int64_micros)"
        )
        #expect(
            moments["out_of_range"]
                == "infinity stops the pipeline in id, at, millis, hours, day and 1 more (out_of_range: fail)")
        #expect(
            moments["way_back"]
                == "the documents of moments give its rows back only with losses (arrays as if they began at 1: hours)")
        // What a column's own entry says is not the policy's.
        let file = """
            collections:
              numbers:
                from: public.numbers
                type: { plain: decimal128, long: string, too_many: double }
                mask: { amounts: redact }
                drop: [item, spans]
              moments: { from: public.moments, timestamp: iso, type: { at: date }, mask: { day: "null" } }
            """
        let numbers = try await place.findings(of: "numbers", file)
        #expect(numbers["numeric_overflow"]?.hasSuffix(" in span (numeric_overflow: string)") == true)
        #expect(
            numbers["type"] == "a value that doesn't fit the 'type' asked for is refused in plain (decimal128)")
        let text = try await place.findings(of: "moments", file)
        #expect(text["timestamp"] == "timestamps are ISO 8601 text in millis, hours, during (timestamp: iso)")
        #expect(text["out_of_range"] == "infinity becomes text in at (out_of_range: string)")
    }

    @Test func conversionsThatMayRefuse() async throws {
        let place = try await Place(
            """
            CREATE TABLE narrow (
                id int PRIMARY KEY, a bigint, b numeric(9), c numeric(10), d numeric(9, 2), e numeric(18), f numeric,
                g int, h boolean, i real, j smallint, k numeric(34), l numeric(35));
            """)
        func refused(_ types: String) async throws -> String? {
            let file = "collections: { narrow: { from: public.narrow, type: { \(types) } } }"
            return try await place.findings(of: "narrow", file)["type"]?.split(separator: " in ").last.map { "\($0)" }
        }
        #expect(
            try await refused("a: int32, b: int32, c: int32, d: int32, h: int32, j: int32")
                == "a (int32), c (int32), d (int32)")
        #expect(
            try await refused("a: int64, e: int64, f: int64, g: int64, i: int64") == "f (int64), i (int64)")
        #expect(try await refused("g: bool, h: bool") == "g (bool)")
        #expect(try await refused("k: decimal128, l: decimal128, i: decimal128") == "l (decimal128)")
        #expect(try await refused("a: string, f: double, g: string, i: double") == nil)
    }

    @Test func mistakesOfTheMappingAreNoneOfTheKey() async throws {
        let place = try await Place("CREATE TABLE t (id int PRIMARY KEY, n int); CREATE TABLE l (id int[] PRIMARY KEY)")
        let file = "collections: { t: { from: public.t, drop: [m] }, l: { from: public.l } }"
        #expect(try await place.findings(of: "t", file, code: 78).keys.sorted() == ["mapping_refused"])
        #expect(try await place.findings(of: "l", file, code: 78).keys.sorted() == ["key_refused"])
    }

    @Test func theWayBack() async throws {
        let place = try await Place(
            """
            CREATE TABLE notes (id int PRIMARY KEY, doc jsonb, raw json[]);
            CREATE TABLE people (
                tenant int, no int, email text, note text, secret text, total numeric(10, 2), visits bigint, age int,
                PRIMARY KEY (tenant, no));
            """)
        let file = """
            mask_salt: "0123456789abcdef"
            collections:
              persons:
                from: public.people
                id: "${tenant}:${no}"
                keep: [email, note, total, visits, age]
                where: tenant > 1
                type: { total: double, visits: double, age: double }
                mask: { email: sha256, note: last4 }
                compute: { twice: visits * 2 }
            """
        let findings = try await place.findings(of: "people", file)
        #expect(
            findings["way_back"]
                == "the documents of persons don't give its rows back (masked: email, note; left out: secret; rows for "
                + "which 'where' is not true; rounded to double: total, visits)")
        #expect(findings.count == 1)
        #expect(
            try await place.findings(of: "notes")
                == [
                    "way_back": "the documents of notes give its rows back only with losses (null of JSON as NULL, its "
                        + "numbers of more than 34 digits as text: doc, raw; arrays as if they began at 1: raw)"
                ])
        let derived = "collections: { people: { from: public.people, compute: { twice: visits * 2 }, nulls: omit } }"
        #expect(try await place.findings(of: "people", derived) == [:])
    }

    @Test func aConditionOutsideTheReplicaIdentity() async throws {
        let place = try await Place("CREATE TABLE orders (id int PRIMARY KEY, state text NOT NULL, live boolean)")
        func finding(_ condition: String) async throws -> String? {
            try await place.findings(
                of: "orders", "collections: { orders: { from: public.orders, where: \"\(condition)\" } }"
            )["where_outside_identity"]
        }
        #expect(try await finding("id > 5") == nil)
        let outside = try #require(try await finding("live AND id > 5 AND state = 'open'"))
        #expect(outside.hasPrefix("'where' of collection orders asks for "))
        #expect(outside.contains("live") && outside.contains("state") && !outside.contains("id,"))
        try await place.sql(
            "CREATE UNIQUE INDEX identity ON orders (id, state); ALTER TABLE orders REPLICA IDENTITY USING INDEX identity"
        )
        #expect(try await finding("state = 'open'") == nil)
        try await place.sql("ALTER TABLE orders REPLICA IDENTITY FULL")
        #expect(try await finding("live AND state = 'open'") == nil)
    }

    /// Its column is fine, and what the mapping makes of it is not.
    @Test func aGuardThatTheMappingSpoils() async throws {
        let place = try await Place("CREATE TABLE t (id int PRIMARY KEY, at timestamptz NOT NULL, n int)")
        let entry = "from: public.t, last_modified: at"
        for spoiling in ["drop: [at]", "type: { at: iso }", "rename: { at: meta.at }", "mask: { at: redact }"] {
            let findings = try await place.findings(
                of: "t", "collections: { t: { \(entry), \(spoiling) } }", code: 78)
            #expect(findings["last_modified"]?.contains("as no date") == true, "\(spoiling): \(findings)")
        }
        let renamed = "collections: { t: { \(entry), rename: { at: changed } } }"
        #expect(try await place.findings(of: "t", renamed)["last_modified"] == nil)
    }
}
