import TestSupport

/// One transaction of a session, drawn up before the seed runs.
struct OracleTransaction: Sendable {
    enum Step: Sendable {
        /// Statements in one message to the server.
        case run(String)
        case pause(Duration)
    }

    enum End: Sendable {
        case commit
        case rollback
        /// The commit is in the log, and stays invisible for as long: it waits for a standby that never answers.
        case commitInGap(Duration)
    }

    let steps: [Step]
    let end: End
    /// Before the session's next one.
    let pause: Duration

    /// - Parameter opensGaps: whether it is of a session that waits for the standby.
    static func make(
        on tables: [OracleTable], opensGaps: Bool, _ generator: inout SeededGenerator
    ) -> OracleTransaction {
        var steps: [Step] = []
        var statements = ["BEGIN"]
        func add(_ count: Int, _ generator: inout SeededGenerator) {
            for _ in 0..<count { statements.append(statement(on: tables, &generator)) }
        }
        add(Int.random(in: 1...(opensGaps ? 6 : 4), using: &generator), &generator)
        if opensGaps, generator.chance(60) {
            statements.append(tables.randomElement(using: &generator)?.updateMany(&generator) ?? "")
        }
        if generator.chance(20) {
            statements.append("SAVEPOINT a")
            add(2, &generator)
            statements.append("ROLLBACK TO a")
            if generator.chance(50) { add(1, &generator) }
            if generator.chance(50) {
                statements.append("SAVEPOINT b")
                add(1, &generator)
                statements.append("RELEASE b")
            }
        }
        if generator.chance(15) {
            steps = [
                .run(statements.joined(separator: "; ")),
                .pause(.milliseconds(.random(in: 10...150, using: &generator))),
            ]
            statements = []
            add(1, &generator)
        }
        steps.append(.run(statements.joined(separator: "; ")))
        var end = generator.chance(6) ? End.rollback : .commit
        if opensGaps, case .commit = end { end = .commitInGap(.milliseconds(.random(in: 5...160, using: &generator))) }
        return OracleTransaction(
            steps: steps, end: end, pause: .milliseconds(.random(in: 0...(opensGaps ? 20 : 12), using: &generator)))
    }

    private static func statement(on tables: [OracleTable], _ generator: inout SeededGenerator) -> String {
        let table = tables[Int.random(in: 0..<tables.count, using: &generator)]
        if Int.random(in: 0..<1000, using: &generator) > 0 { return table.statement(&generator) }
        return "TRUNCATE public.\(table.name)"
    }
}
