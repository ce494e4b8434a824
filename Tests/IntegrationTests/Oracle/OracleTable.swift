import TestSupport

/// One table of a seed: the kind of its key, what its old rows say, and the SQL that works on it. Keys are numbered
/// from 1 to `domain`, more than there are rows at the start.
struct OracleTable: Sendable {
    enum Key: String, CaseIterable, Sendable {
        case integer, text, pair
    }

    let name: String
    let key: Key
    /// REPLICA IDENTITY FULL.
    let isFull: Bool
    let rows: Int
    /// The planner is made to believe in a table worth so many ranges.
    let ranges: Int

    var domain: Int { rows + rows / 4 }

    /// The text is stored out of line, so that an update which leaves it alone does not send it.
    var setUp: String {
        let columns =
            switch key {
            case .integer: "id bigint PRIMARY KEY"
            case .text: "code text PRIMARY KEY"
            case .pair: "code text, tenant integer, PRIMARY KEY (tenant, code)"
            }
        let keys =
            switch key {
            case .integer: "g"
            case .text: "'k' || g"
            case .pair: "'k' || g, g % 3"
            }
        return """
            CREATE TABLE public.\(name) (\(columns), n bigint NOT NULL, note text, large text);
            ALTER TABLE public.\(name) ALTER COLUMN large SET STORAGE EXTERNAL;
            ALTER TABLE public.\(name) REPLICA IDENTITY \(isFull ? "FULL" : "DEFAULT");
            INSERT INTO public.\(name) SELECT \(keys), 0, 'first', CASE WHEN g % 2 = 0 THEN repeat(md5(g::text), 70) END
              FROM generate_series(1, \(rows)) g;
            UPDATE pg_class SET relpages = 1, reltuples = \(5000 * ranges) / greatest(1,
                   pg_relation_size(oid) / current_setting('block_size')::bigint)
             WHERE oid = 'public.\(name)'::regclass
            """
    }

    /// A statement as random as its generator; it makes no assumption about what is there.
    func statement(_ generator: inout SeededGenerator) -> String {
        let number = Int.random(in: 1...domain, using: &generator)
        switch Int.random(in: 0..<100, using: &generator) {
        case 0..<14: return insert(number, &generator)
        case 14..<40: return "UPDATE public.\(name) SET n = \(value(&generator)), note = 'small' WHERE \(isKey(number))"
        case 40..<47: return "UPDATE public.\(name) SET large = \(large(&generator)) WHERE \(isKey(number))"
        case 47..<57: return "DELETE FROM public.\(name) WHERE \(isKey(number))"
        case 57..<65: return "DELETE FROM public.\(name) WHERE \(isKey(number)); \(insert(number, &generator))"
        case 65..<80: return move(number, to: Int.random(in: 1...domain, using: &generator), &generator)
        case 80..<98: return updateMany(&generator)
        default: return "UPDATE public.\(name) SET n = n + 1"
        }
    }

    /// Every row of a share of the table, spread over all of it.
    func updateMany(_ generator: inout SeededGenerator) -> String {
        let share = Int.random(in: 2...20, using: &generator)
        return "UPDATE public.\(name) SET n = \(value(&generator)) WHERE "
            + "pg_catalog.hashtext(\(key == .integer ? "id::text" : "code")) % \(share) = 0"
    }

    /// The row keeps its large value, which the stream doesn't send.
    private func move(_ from: Int, to other: Int, _ generator: inout SeededGenerator) -> String {
        let target =
            switch key {
            case .integer: "id = \(other)"
            case .text: "code = 'k\(other)'"
            case .pair: "code = 'k\(other)', tenant = \(other % 3)"
            }
        return "UPDATE public.\(name) SET \(target), n = \(value(&generator)) WHERE \(isKey(from)) "
            + "AND NOT EXISTS (SELECT FROM public.\(name) WHERE \(isKey(other)))"
    }

    private func insert(_ number: Int, _ generator: inout SeededGenerator) -> String {
        let keys =
            switch key {
            case .integer: "\(number)"
            case .text: "'k\(number)'"
            case .pair: "'k\(number)', \(number % 3)"
            }
        return "INSERT INTO public.\(name) VALUES (\(keys), \(value(&generator)), 'new', "
            + "\(generator.chance(50) ? large(&generator) : "NULL")) ON CONFLICT DO NOTHING"
    }

    private func isKey(_ number: Int) -> String {
        switch key {
        case .integer: "id = \(number)"
        case .text: "code = 'k\(number)'"
        case .pair: "(tenant, code) = (\(number % 3), 'k\(number)')"
        }
    }

    private func value(_ generator: inout SeededGenerator) -> Int {
        Int.random(in: 1...1_000_000_000, using: &generator)
    }

    /// 2,240 bytes.
    private func large(_ generator: inout SeededGenerator) -> String { "repeat(md5('\(value(&generator))'), 70)" }
}
