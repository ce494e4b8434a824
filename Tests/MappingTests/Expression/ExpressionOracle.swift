import BSON
import DevServers
import Mapping
import Model
import Postgres
import TestSupport
import Testing

/// A table of `ExpressionColumn.all` with random rows on a real server, and both forms of each row here.
struct ExpressionOracle {
    let connection: PostgresConnection
    let schema: TableSchema
    /// `text` and `binary` are the same row.
    let rows: [(text: Row, binary: Row)]
    /// Whether `right` of the server gives everything for the least integer, where all but as many characters is asked for:
    /// minor releases before 2026's last ones do (15.18, not 15.20), later ones give nothing, as we do.
    let rightOverflows: Bool

    static let count = 16

    /// What became of an expression for one row: a text, null, or the SQLSTATE of an error.
    enum Result: Hashable {
        case value(String?)
        case error(String)
    }

    /// Runs with random rows of `ExpressionColumn.all`.
    static func run(seed: UInt64, _ body: (ExpressionOracle) async throws -> Void) async throws {
        var random = SeededGenerator(seed: seed)
        let values = (0..<count).map { _ in
            ExpressionColumn.all.map { column in
                random.chance(12) ? nil : column.values.randomElement(using: &random)!
            }
        }
        try await run(ExpressionColumn.all, values, body)
    }

    /// Runs with random pairs of numeric values, many of them with the same digits in front.
    static func runNumbers(count: Int, _ body: (ExpressionOracle) async throws -> Void) async throws {
        var random = SeededGenerator(seed: 7)
        func digits(_ count: Int) -> String {
            (0..<count).map { _ in random.chance(30) ? "0" : "\(Int.random(in: 0...9, using: &random))" }.joined()
        }
        func number(_ head: String) -> String {
            if random.chance(4) {
                return ["0", "0.000", "NaN", "Infinity", "-Infinity"].randomElement(using: &random)!
            }
            let sign = random.chance(50) ? "-" : ""
            let whole = random.chance(30) ? "0" : head + digits(Int.random(in: 0...30, using: &random))
            return sign + whole + (random.chance(70) ? "." + digits(Int.random(in: 1...25, using: &random)) : "")
        }
        let values: [[String?]] = (0..<count).map { _ in
            let head = "\(Int.random(in: 1...99_999, using: &random))"
            return [number(head), number(random.chance(50) ? head : "\(Int.random(in: 1...9, using: &random))")]
        }
        let numeric = OracleFamily.base(1700, "numeric")
        let columns = ["x", "y"].map { ExpressionColumn($0, numeric, send: "numeric_send", []) }
        try await run(columns, values, body)
    }

    /// In a schema of its own, which is gone afterwards.
    private static func run(
        _ columns: [ExpressionColumn], _ values: [[String?]], _ body: (ExpressionOracle) async throws -> Void
    ) async throws {
        let server = try await SharedServers.shared.postgresServer()
        let connection = try await PostgresConnection.open(server.uri())
        let schema = uniqueName("expression")
        do {
            try await connection.query("CREATE SCHEMA \(schema)")
            try await connection.query("SET search_path = \(schema)")
            try await body(try await ExpressionOracle(connection, columns, values))
        } catch {
            _ = try? await connection.query("DROP SCHEMA IF EXISTS \(schema) CASCADE")
            await connection.close()
            throw error
        }
        try await connection.query("DROP SCHEMA \(schema) CASCADE")
        await connection.close()
    }

    private init(_ connection: PostgresConnection, _ columns: [ExpressionColumn], _ values: [[String?]]) async throws {
        self.connection = connection
        schema = testTable([("id", OracleFamily.base(23, "integer"))] + columns.map { ($0.name, $0.type) })
        try await connection.query("CREATE TYPE oracle_mood AS ENUM ('sad', 'ok', 'happy ever after')")
        try await connection.query("CREATE DOMAIN oracle_count AS int4")
        let definitions = columns.map { "\($0.name) \($0.sqlType)" }.joined(separator: ", ")
        try await connection.query("CREATE TABLE oracle (id int4 PRIMARY KEY, \(definitions))")
        let tuples = values.enumerated().map { id, values in
            "(\(id + 1), \(values.map { $0.map { "'\($0)'" } ?? "NULL" }.joined(separator: ", ")))"
        }
        try await connection.query("INSERT INTO oracle VALUES \(tuples.joined(separator: ", "))")
        try await ExpressionOracle.createFunctions(connection)
        let names = columns.map(\.name).joined(separator: ", ")
        let bytes = columns.map { "encode(\($0.send)(\($0.name)), 'hex')" }.joined(separator: ", ")
        let answer = try await connection.query(
            "SELECT id, \(names), encode(int4send(id), 'hex'), \(bytes) FROM oracle ORDER BY id")
        rightOverflows = try await connection.query("SELECT right('abc', -2147483648)").scalar == "abc"
        rows = try answer.rows.map { row in
            let binary = try row[(columns.count + 1)...].map { hex -> (Field.Kind, [UInt8]) in
                guard let hex else { return (.null, []) }
                return (.binary, try OracleCheck(connection: connection).hexadecimal(hex))
            }
            return (textRow(Array(row[...columns.count])), testRow(binary))
        }
    }

    private static func createFunctions(_ connection: PostgresConnection) async throws {
        try await connection.query(
            """
            CREATE FUNCTION compute(expression text, shown text) RETURNS TABLE (n int, state text, result text)
            LANGUAGE plpgsql AS $$
            BEGIN
                BEGIN
                    EXECUTE format('SELECT pg_typeof((SELECT %s FROM oracle WHERE false))', expression) INTO result;
                EXCEPTION WHEN OTHERS THEN state := SQLSTATE;
                END;
                n := 0;
                RETURN NEXT;
                FOR i IN 1..(SELECT count(*) FROM oracle) LOOP
                    state := NULL;
                    result := NULL;
                    BEGIN
                        EXECUTE format('SELECT (%s)%s FROM oracle WHERE id = $1', expression, shown) INTO result USING i;
                    EXCEPTION WHEN OTHERS THEN state := SQLSTATE;
                    END;
                    n := i;
                    RETURN NEXT;
                END LOOP;
            END $$
            """)
        try await connection.query(
            """
            CREATE FUNCTION filters(condition text) RETURNS text LANGUAGE plpgsql AS $$
            BEGIN
                EXECUTE format('CREATE PUBLICATION %I FOR TABLE oracle WHERE (%s)', current_schema(), condition);
                EXECUTE format('DROP PUBLICATION %I', current_schema());
                RETURN '';
            EXCEPTION WHEN OTHERS THEN RETURN SQLERRM;
            END $$
            """)
    }

    /// What the server makes of an expression: its type, nil when it is refused, and the result for each row.
    ///
    /// - Parameter shown: put behind the expression for its text.
    func server(_ sql: String, shown: String = "::text") async throws -> (type: String?, results: [Result]) {
        let answer = try await connection.query("SELECT state, result FROM compute($1, $2) ORDER BY n", [sql, shown])
        let results = answer.rows.dropFirst().map { row -> Result in
            // "cannot convert NaN to bigint" of numeric; of double precision it is "out of range".
            row[0].map { .error($0 == "0A000" ? "22003" : $0) } ?? .value(row[1])
        }
        return (answer.rows[0][0] == nil ? answer.rows[0][1] : nil, results)
    }

    /// Why the server takes no row filter of this condition; empty when it does.
    func refusalOfFilter(_ sql: String) async throws -> String {
        try #require(try await connection.query("SELECT filters($1)", [sql]).scalar)
    }

    /// What we make of it for each row, from both forms.
    func ours(_ sql: String, shown: String = "::text") throws -> [(text: Result, binary: Result)] {
        let bound = try Expression(parsing: "(\(sql))\(shown)").bound(to: schema)
        return try rows.map { (try ours(bound, $0.text), try ours(bound, $0.binary)) }
    }

    private func ours(_ bound: BoundExpression, _ row: Row) throws -> Result {
        var writer = BSONWriter()
        let start = writer.beginDocument()
        writer.key(.id)
        do throws(ValueError) {
            try bound.append(row, to: &writer)
        } catch {
            guard case .evaluation(let fault) = error else { throw error }
            return .error(fault.sqlState)
        }
        writer.endDocument(start)
        let document = try BSONDocument(validating: writer.bytes(in: start..<writer.count))
        let value = try #require(document["_id"])
        if value.isNull { return .value(nil) }
        let shown: String = try #require(value.asString)
        return .value(shown)
    }
}

extension ValueError.Evaluation {
    var sqlState: String {
        switch self {
        case .divisionByZero: "22012"
        case .outOfRange: "22003"
        case .text: "22P02"
        case .date: "22008"
        case .length: "22011"
        case .position: "22023"
        case .pattern: "22025"
        case .character: "22P05"
        case .size: "54000"
        }
    }
}
