import DevServers
import Mapping
import Model
import TestSupport
import Testing

/// The server computes the same as we do: values to the last digit, types and errors, from text and from binary values.
@Suite(.onServers) struct ExpressionOracleTests {
    @Test(arguments: [1, 2, 3, 4, 5, 6, 7, 8, 9, 215] as [UInt64]) func randomExpressionsAreWhatTheServerComputes(
        _ seed: UInt64
    ) async throws {
        try await ExpressionOracle.run(seed: seed) { oracle in
            var generator = ExpressionGenerator(seed: seed)
            var (compared, errors) = (0, 0)
            for _ in 0..<120 {
                let (kind, sql) = generator.expression()
                guard let results = try await compare(sql, kind, oracle, mayBeRefused: generator.isLoose) else {
                    continue
                }
                compared += results.count
                for case .error in results { errors += 1 }
            }
            // Otherwise the generator has become too bold, or too tame.
            #expect(compared > 90 * ExpressionOracle.count && errors > 20 && errors < compared / 2)
        }
    }

    /// - Returns: the results, nil when the expression is none for us.
    private func compare(
        _ sql: String, _ kind: ExpressionGenerator.Kind, _ oracle: ExpressionOracle, mayBeRefused: Bool
    ) async throws -> [ExpressionOracle.Result]? {
        if oracle.rightOverflows, sql.contains("right(") { return nil }
        let bound: BoundExpression
        do throws(ExpressionError) {
            bound = try Expression(parsing: sql).bound(to: oracle.schema)
        } catch {
            #expect(mayBeRefused, "refused: \(sql): \(error.message)\n\(error.pointer)")
            return nil
        }
        let (type, results) = try await oracle.server(try Expression(parsing: sql).sql)
        // Sent alike, and held alike by a document.
        let alike = ["oracle_count": "integer", "character varying": "text"]
        #expect(type.map { alike[$0] ?? $0 } == bound.type.name, "\(sql)")
        if mayBeRefused {
            let original = try await oracle.server(sql)
            #expect(original.results == results, "means something else as it was written: \(sql)")
        }
        for (index, (ours, server)) in zip(try oracle.ours(sql), results).enumerated() {
            let place = "row \(index + 1): \(sql)"
            #expect(ours.text == server, "\(place)")
            #expect(ours.binary == server, "\(place)")
            if case .error = server { #expect(bound.canFail, "\(place)") }
        }
        return results
    }

    @Test func aRowFilterIsTakenByTheServerWhereWeSaySo() async throws {
        try await ExpressionOracle.run(seed: 1) { oracle in
            var generator = ExpressionGenerator(seed: 99)
            var (taken, refused) = (0, 0)
            while taken < 60 || refused < 60 {
                let sql = generator.condition()
                guard let expression = try? Expression(parsing: sql),
                    let bound = try? expression.condition(on: oracle.schema)
                else { continue }
                let refusal = try await oracle.refusalOfFilter(expression.sql)
                #expect(bound.isFilterable == refusal.isEmpty, "\(sql): \(refusal)")
                if bound.isFilterable { taken += 1 } else { refused += 1 }
            }
        }
    }

    /// Digits, scales and roundings of numeric, where most can go wrong.
    @Test(arguments: [
        "x + y", "x - y", "x * y", "x / y", "x % y", "round(x, 3)", "round(x, -2)", "trunc(x, 1)", "floor(x)",
        "ceil(y)", "x::float8", "y::int8", "x::float8::numeric", "(x * y)::text", "- x", "x::text::numeric", "sign(y)",
    ])
    func numericIsExact(_ sql: String) async throws {
        try await ExpressionOracle.runNumbers(count: 250) { oracle in
            let server = try await oracle.server(sql)
            for (index, (ours, result)) in zip(try oracle.ours(sql), server.results).enumerated() {
                #expect(ours.text == result && ours.binary == result, "row \(index + 1): \(sql)")
            }
        }
    }
}
