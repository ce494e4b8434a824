import BSON
import Model

/// `wherry dead-letters`: the letters that are listed, shown, retried or discarded.
package struct DeadLettersReport: Report, Equatable {
    package struct Letter: Encodable, Sendable, Equatable {
        package var id: Int64
        package var collection: String
        package var table: String?
        /// `_id` as extended JSON: two where the key was changed, the new one first.
        package var keys: [String]
        /// `insert`, `update` or `delete`; `row` of one that was read from the source.
        package var kind: String
        package var reason: String
        package var lsn: String?
        package var xid: UInt32?
        package var commitTime: String?
        /// Values as extended JSON; of `show` alone.
        package var values: String?
        /// Bytes of values that were too many to be kept.
        package var bytes: Int?

        init(_ letter: DeadLetter, withValues: Bool) {
            id = letter.sequence
            collection = letter.collection
            table = letter.table?.description
            keys = letter.keys.map { ($0["_id"] ?? .null).debugDescription }
            kind = letter.kind.rawValue
            reason = letter.reason
            lsn = letter.origin?.lsn.description
            xid = letter.origin?.xid
            commitTime = letter.origin?.commitTime.map(Timestamp.text)
            switch letter.content {
            case .row(let document), .document(let document):
                if withValues { values = document.debugDescription }
            case .tooLarge(let count): bytes = count
            case .none: break
            }
        }
    }

    package enum Action: String, Encodable, Sendable, Equatable {
        case listed, shown, retried, discarded
    }

    package let schemaVersion = 1
    package var pipeline: String
    package var action: Action
    package var letters: [Letter]
    /// Keys that these letters hold back.
    package var keys: Int

    init(pipeline: String, action: Action, letters: [DeadLetter]) {
        self.pipeline = pipeline
        self.action = action
        self.letters = letters.map { Letter($0, withValues: action == .shown) }
        keys = Set(letters.flatMap(\.heldKeys)).count
    }

    package var text: [String] {
        switch action {
        case .listed: letters.isEmpty ? ["nothing is held back in pipeline \(pipeline)"] : table + [""] + advice
        case .shown: letters.flatMap(details)
        case .retried:
            [
                "\(HumanText.count(keys)) rows of pipeline \(pipeline) will be read again: by the worker within seconds, "
                    + "or by the next 'wherry run'"
            ]
        case .discarded:
            [
                "\(HumanText.count(letters.count)) changes of pipeline \(pipeline) are forgotten; "
                    + "\(HumanText.count(keys)) documents now differ from the source:"
            ] + letters.flatMap { letter in letter.keys.map { "  \(letter.collection) \($0)" } }
                + ["'wherry backfill \(letters.first?.table ?? "TABLE")' makes them equal again"]
        }
    }

    private var table: [String] {
        var table = TextTable([
            ("id", .right), ("collection", .left), ("key", .left), ("change", .left), ("committed", .left),
            ("reason", .left),
        ])
        for letter in letters {
            table.add([
                "\(letter.id)", letter.collection, letter.keys.joined(separator: " from "), letter.kind,
                letter.commitTime ?? "", letter.reason,
            ])
        }
        return table.lines()
    }

    private var advice: [String] {
        [
            "\(HumanText.count(letters.count)) changes of \(HumanText.count(keys)) documents are held back: mend what refuses "
                + "them, then 'wherry dead-letters retry --all'"
        ]
    }

    private func details(_ letter: Letter) -> [String] {
        var lines = ["\(letter.id): \(letter.kind) of \(letter.collection) \(letter.keys.joined(separator: " from "))"]
        if let table = letter.table { lines.append("  table   \(table)") }
        lines.append("  reason  \(letter.reason)")
        if let lsn = letter.lsn {
            let parts = [
                lsn, letter.xid.map { "transaction \($0)" }, letter.commitTime.map { "committed \($0)" },
            ]
            lines.append("  at      \(parts.compactMap { $0 }.joined(separator: ", "))")
        }
        if let values = letter.values { lines.append("  values  \(values)") }
        if let bytes = letter.bytes {
            lines.append("  values  \(HumanText.size(UInt64(clamping: bytes))), too many to be kept")
        }
        return lines
    }
}
