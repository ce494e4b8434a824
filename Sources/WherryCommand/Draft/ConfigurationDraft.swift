import Model
import Postgres

/// A first `wherry.yaml`, made from the catalogue: every table that can be carried, with a comment for each decision
/// that somebody may want to take otherwise. Pure.
struct ConfigurationDraft {
    /// The source's address without a password.
    let source: String
    /// As many as the configuration chooses.
    let tables: [DraftTable]
    /// By the table's oid.
    let indexes: [UInt32: [CatalogIndex]]

    /// The file, with a line feed at its end.
    var text: String {
        let (entries, refused) = entries
        var lines = header + ["collections:"] + entries
        if !refused.isEmpty {
            lines += ["", YAMLText.comment("Not replicated; once that is mended, a table has to be named above:")]
        }
        lines += refused.map { YAMLText.comment("  " + $0) }
        return lines.joined(separator: "\n") + "\n"
    }

    /// Whether there is nothing to replicate.
    var isEmpty: Bool { entries.lines.isEmpty }

    /// Those of the tables, and why others have none.
    private var entries: (lines: [String], refused: [String]) {
        var lines: [String] = []
        var names: Set<String> = []
        var refused: [String] = []
        for table in tables {
            if let reason = table.refusal {
                refused.append("\(table.name) is \(reason)")
                continue
            }
            let name = collection(of: table.name, besides: names)
            do {
                lines += try TableDraft(table: table, collection: name, indexes: indexes[table.schema.oid] ?? []).lines
                names.insert(name)
            } catch {
                refused.append(error.message + (error.hint.map { " (\($0))" } ?? ""))
            }
        }
        return (lines, refused)
    }

    private var header: [String] {
        [
            "Drafted by `wherry init` from \(source). Nothing here has to stay: without 'collections' every",
            "table of the schema becomes a collection of its name, and new tables join by themselves; with it a new",
            "table has to be named here. docs/configuration.md has all keys, and docs/wherry.schema.json tells them",
            "to editors.",
            "",
            "  wherry check --config wherry.yaml                    compares it with both servers",
            "  wherry preview public.TABLE --config wherry.yaml     shows documents made by it",
            "",
            "Addresses come from WHERRY_SOURCE and WHERRY_TARGET, or stand here:",
            "source: { uri: \"${WHERRY_SOURCE}\" }",
            "target: { uri: \"${WHERRY_TARGET}\" }",
        ].map { $0.isEmpty ? "#" : YAMLText.comment($0) } + [""]
    }

    /// A name that MongoDB takes and no other table has.
    private func collection(of table: TableName, besides taken: Set<String>) -> String {
        let own = table.defaultCollection
        let isFine = NameRules.collectionProblem(own) == nil
        let name = isFine ? own : "t_" + own.map { $0.isASCII && ($0.isLetter || $0.isNumber) ? $0 : "_" }.prefix(100)
        if !taken.contains(name) { return name }
        var number = 2
        while taken.contains("\(name)_\(number)") { number += 1 }
        return "\(name)_\(number)"
    }
}
