import BSON
import Model
import TestSupport

/// A random, valid history of one table, with an oracle that keeps whole rows beside it.
struct RandomHistory {
    let table: SampleTable
    /// Whole rows by key, as the source has them now.
    private(set) var rows: [[Cell]: [Cell]] = [:]
    private var random: SeededGenerator
    private var valueCount = 0
    /// What the target should hold after each change of the last `next`.
    private(set) var moments: [TargetModel] = []
    private static let keyCount = 6

    init(table: SampleTable, seed: UInt64) {
        self.table = table
        random = SeededGenerator(seed: seed)
    }

    /// What the target should hold.
    var expected: TargetModel {
        var model = TargetModel()
        for cells in rows.values {
            model.put(table.document(of: cells), key: table.key(of: cells), in: table.collection)
        }
        return model
    }

    /// The next changes that belong together: mostly one.
    mutating func next() -> [Change] {
        moments = []
        return switch Int.random(in: 0..<100, using: &random) {
        case 0..<25: insert()
        case 25..<50: update()
        case 50..<65: delete()
        case 65..<85: changeKey()
        case 85..<93: chain()
        default: swap()
        }
    }

    /// The number of changes in the next batch.
    mutating func batchSize() -> Int { Int.random(in: 1...12, using: &random) }

    mutating func truncate() -> Change {
        rows = [:]
        moments = [expected]
        return .truncate([table.version])
    }

    // MARK: - Kinds of change

    private mutating func insert() -> [Change] {
        guard let key = freeKeys.randomElement(using: &random) else { return delete() }
        let cells = row(key: key) { _ in newValue() }
        rows[key] = cells
        moments.append(expected)
        return [.insert(table.version, new: Cell.row(cells))]
    }

    private mutating func update() -> [Change] {
        guard let key = usedKeys.randomElement(using: &random) else { return insert() }
        return [change(from: key, to: key)]
    }

    private mutating func delete() -> [Change] {
        guard let key = usedKeys.randomElement(using: &random), let cells = rows.removeValue(forKey: key) else {
            return insert()
        }
        moments.append(expected)
        return [.delete(table.version, old: old(cells))]
    }

    private mutating func changeKey() -> [Change] {
        guard let from = usedKeys.randomElement(using: &random), let to = freeKeys.randomElement(using: &random) else {
            return update()
        }
        return [change(from: from, to: to)]
    }

    /// a → b → c, and sometimes back to a.
    private mutating func chain() -> [Change] {
        let free = freeKeys.shuffled(using: &random)
        guard let from = usedKeys.randomElement(using: &random), free.count >= 2 else { return update() }
        var changes = [change(from: from, to: free[0]), change(from: free[0], to: free[1])]
        if random.chance(50) { changes.append(change(from: free[1], to: from)) }
        return changes
    }

    /// Two rows trade their keys through a third one.
    private mutating func swap() -> [Change] {
        let used = usedKeys.shuffled(using: &random)
        guard used.count >= 2, let spare = freeKeys.randomElement(using: &random) else { return insert() }
        return [
            change(from: used[0], to: spare), change(from: used[1], to: used[0]), change(from: spare, to: used[1]),
        ]
    }

    // MARK: - Rows

    private mutating func change(from: [Cell], to: [Cell]) -> Change {
        let before = rows[from] ?? []
        let after = row(key: to) { random.chance(40) ? before[$0] : newValue() }
        var sent = after
        // A value that stays may come as an unchanged TOAST value, or not.
        for index in table.bodyIndices where after[index] == before[index] && random.chance(70) {
            sent[index] = .unchanged
        }
        let carriesOld = table.schema.replicaIdentity == .full || from != to
        // So may a part of the key, when the old tuple comes along.
        if carriesOld, table.keyIndices.count > 1, random.chance(30) {
            for index in table.keyIndices where after[index] == before[index] { sent[index] = .unchanged }
        }
        rows[from] = nil
        rows[to] = after
        moments.append(expected)
        return .update(table.version, old: carriesOld ? old(before) : nil, new: Cell.row(sent))
    }

    private func old(_ cells: [Cell]) -> OldRow {
        if table.schema.replicaIdentity == .full { return .full(Cell.row(cells)) }
        return .key(Cell.row(cells.indices.map { table.keyIndices.contains($0) ? cells[$0] : .null }))
    }

    private func row(key: [Cell], _ value: (Int) -> Cell) -> [Cell] {
        var cells = [Cell](repeating: .null, count: table.schema.columns.count)
        for (index, cell) in zip(table.keyIndices, key) { cells[index] = cell }
        for index in table.bodyIndices { cells[index] = value(index) }
        return cells
    }

    private mutating func newValue() -> Cell {
        valueCount += 1
        return random.chance(15) ? .null : .text("v\(valueCount)")
    }

    private var allKeys: [[Cell]] {
        (0..<RandomHistory.keyCount).map { number in
            table.keyIndices.count == 1 ? [.text("\(number)")] : [.text("\(number / 2)"), .text("k\(number % 2)")]
        }
    }
    private var usedKeys: [[Cell]] { allKeys.filter { rows[$0] != nil } }
    private var freeKeys: [[Cell]] { allKeys.filter { rows[$0] == nil } }
}
