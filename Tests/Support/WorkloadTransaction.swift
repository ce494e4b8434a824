/// Makes the transactions of one session of a `Workload`, as SQL. Statements make no assumption about what is there, so
/// a transaction whose outcome is unknown (the server went away) does no harm.
struct WorkloadTransaction {
    var generator: SeededGenerator
    private let session: Int
    private let sessions: Int
    private var count = 0

    /// Keys of each session.
    private static let slots = 200

    init(session: Int, of sessions: Int, seed: UInt64) {
        self.session = session
        self.sessions = sessions
        generator = SeededGenerator(seed: seed &+ UInt64(session) &* 7919)
    }

    /// One whole transaction.
    mutating func next() -> String {
        count += 1
        var statements: [String] = ["BEGIN"]
        if count % 150 == 30 + session {
            statements.append(large())
        } else {
            for _ in 0..<Int.random(in: 1...6, using: &generator) { statements.append(statement()) }
        }
        if generator.chance(12) {
            statements += ["SAVEPOINT a", statement(), statement(), "ROLLBACK TO a", statement()]
            if generator.chance(50) { statements += ["SAVEPOINT b", statement(), "RELEASE b"] }
        }
        statements.append(generator.chance(8) ? "ROLLBACK" : "COMMIT")
        return statements.joined(separator: "; ")
    }

    private mutating func statement() -> String {
        switch Int.random(in: 0..<100, using: &generator) {
        case 0..<20: insertItem()
        case 20..<45:
            "UPDATE public.items SET \(version), quantity = \(number()), updated = clock_timestamp() \(item())"
        case 45..<50: "UPDATE public.items SET \(version), payload = \(payload()) \(item())"
        case 50..<58: "DELETE FROM public.items \(item())"
        case 58..<72: moveItem()
        case 72..<82: insertPair()
        case 82..<90: "UPDATE public.pairs SET \(version), amount = \(number()) / 3.0, body = 'b\(number())' \(pair())"
        case 90..<94: "DELETE FROM public.pairs \(pair())"
        default: movePair()
        }
    }

    /// Touches up to 400 rows of the session: more than a batch holds, and not more in a larger table, where the stream
    /// would have no time for anything else.
    private mutating func large() -> String {
        let start = generator.chance(50) ? 0 : Double.random(in: 0..<1, using: &generator)
        let own =
            "WHERE id IN (SELECT id FROM public.items WHERE id % \(sessions) = \(session) "
            + "AND id >= (SELECT max(id) * \(start) FROM public.items) ORDER BY id LIMIT 400)"
        return generator.chance(70)
            ? "UPDATE public.items SET \(version), quantity = quantity + 1 \(own)"
            : "DELETE FROM public.items \(own); INSERT INTO public.items (id, version, name, payload) "
                + "SELECT g * \(sessions) + \(session), nextval('public.versions'), 'again ' || g, "
                + "CASE WHEN g % 3 = 0 THEN \(payload()) END FROM generate_series(1, \(Self.slots)) g "
                + "ON CONFLICT DO NOTHING"
    }

    private mutating func insertItem() -> String {
        "INSERT INTO public.items (id, version, name, quantity, price, ratio, flag, payload) VALUES (\(id()), "
            + "nextval('public.versions'), 'new \(number())', \(number()), \(number()) / 100.0, \(number()) / 7.0, "
            + "\(generator.chance(50)), \(generator.chance(30) ? payload() : "NULL")) ON CONFLICT DO NOTHING"
    }

    private mutating func moveItem() -> String {
        let (from, to) = (id(), id())
        return "UPDATE public.items SET id = \(to), \(version) WHERE id = \(from) "
            + "AND NOT EXISTS (SELECT FROM public.items WHERE id = \(to))"
    }

    private mutating func insertPair() -> String {
        "INSERT INTO public.pairs (tenant, code, version, body, amount, token, content, payload) VALUES (\(session), "
            + "'\(code())', nextval('public.versions'), 'b\(number())', \(number()), gen_random_uuid(), '\\x00ff\(Int.random(in: 10...99, using: &generator))', "
            + "\(generator.chance(40) ? payload() : "NULL")) ON CONFLICT DO NOTHING"
    }

    private mutating func movePair() -> String {
        let (from, to) = (code(), code())
        return "UPDATE public.pairs SET code = '\(to)', \(version) WHERE tenant = \(session) AND code = '\(from)' "
            + "AND NOT EXISTS (SELECT FROM public.pairs WHERE tenant = \(session) AND code = '\(to)')"
    }

    private var version: String { "version = nextval('public.versions')" }

    private mutating func number() -> Int { Int.random(in: 1...1_000_000, using: &generator) }

    private mutating func id() -> Int { Int.random(in: 1...Self.slots, using: &generator) * sessions + session }

    private mutating func code() -> String { "c\(Int.random(in: 1...50, using: &generator))" }

    private mutating func item() -> String { "WHERE id = \(id())" }

    private mutating func pair() -> String { "WHERE tenant = \(session) AND code = '\(code())'" }

    /// 9,600 bytes: stored out of line, and uncompressed by the column's storage.
    private mutating func payload() -> String { "repeat(md5('\(number())'), 300)" }
}
