import BSON
import Model
import Postgres

/// What the server says of values it has, against what became of them.
package struct OracleVerdict {
    package let connection: PostgresConnection
    /// What stands in FROM: a relation with the columns `n`, a number, and `x`, the value.
    package let relation: String

    package init(connection: PostgresConnection, relation: String) {
        self.connection = connection
        self.relation = relation
    }

    /// The numbers of the rows whose values are not what the server computes.
    package func wrong(_ family: OracleFamily, _ values: [String: BSONValue]) async throws -> [String] {
        let answer = try await connection.query(
            "SELECT n, CASE WHEN x IS NOT NULL THEN \(family.expected) END FROM \(relation) ORDER BY n")
        return answer.rows.compactMap { row in
            guard let number = row[0], let value = values[number] else { return row[0] ?? "a number" }
            return (value.isNull ? nil : family.render(value)) == row[1] ? nil : number
        }
    }

    /// The same for values that are written as JSON again, which the server compares.
    package func wrong(_ family: OracleJSON, _ values: [String: BSONValue]) async throws -> [String] {
        let rendered = values.map { "(\($0), \(quoteLiteral(OracleJSON.text($1))))" }
        let answer = try await connection.query(
            """
            SELECT n FROM \(relation) LEFT JOIN (VALUES \(rendered.joined(separator: ","))) v(n, j) USING (n)
            WHERE j IS NULL OR \(family.json) IS DISTINCT FROM j::jsonb AND NOT (x IS NULL AND j = 'null') ORDER BY n
            """)
        return answer.rows.compactMap { $0[0] }
    }
}
