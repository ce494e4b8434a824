import Mapping
import Model
import Postgres

/// The entry of one table in a draft.
struct TableDraft {
    private let table: DraftTable
    private let collection: String
    private let indexes: [IndexProposal]
    private let plan: MappingPlan

    /// - Throws: `Failure` when its rows can't become documents.
    init(table: DraftTable, collection: String, indexes: [CatalogIndex]) throws(Failure) {
        self.table = table
        self.collection = collection
        plan = try MappingPlan(schema: table.schema, collection: collection, keyColumns: table.primaryKey)
        let plan = plan
        let findings = IndexFindings(
            collection: collection, table: table, sources: indexes, plan: plan, mapping: CollectionMapping())
        self.indexes = TableDraft.distinct(
            indexes.map { source in
                let proposal = IndexProposal(source, of: table, path: plan.path(of:))
                guard let index = proposal.index, index.isUnique, let doubt = findings.doubt(about: index) else {
                    return proposal
                }
                return IndexProposal(source, of: table, doubt: doubt, path: plan.path(of:))
            })
    }

    /// Indented by two.
    var lines: [String] {
        var lines = ["", "  " + YAMLText.comment(headline), "  \(YAMLText.word(collection)):"]
        lines.append("    from: \(YAMLText.value(TableNameText.text(table.name)))")
        lines += remarks.map { "    " + YAMLText.comment($0) }
        if indexes.contains(where: { $0.index != nil }) { lines.append("    indexes:") }
        for proposal in indexes.sorted(by: { $0.index != nil && $1.index == nil }) {
            if let index = proposal.index {
                if let remark = proposal.remark { lines.append("      " + YAMLText.comment(remark)) }
                lines.append("      \(YAMLText.word(index.name)): \(index.yaml)")
            } else if let remark = proposal.remark {
                lines.append("    " + YAMLText.comment("no index \(proposal.name): \(remark)"))
            }
        }
        return lines
    }

    private var headline: String {
        let rows = table.estimatedRows > 0 ? ", about \(table.estimatedRows) rows" : ""
        guard table.primaryKey.count > 1 else { return "\(table.name)\(rows); _id is \(table.primaryKey[0])" }
        return "\(table.name)\(rows); _id is a document of \(table.primaryKey.joined(separator: ", "))"
    }

    // MARK: - Decisions

    private var remarks: [String] {
        [timestamps, numerics, lastModified, generated].compactMap { $0 } + plan.typeFindings.map(\.sentence)
    }

    private var findings: MappingFindings {
        MappingFindings(plan, of: CollectionMapping(), modifiers: table.modifiers)
    }

    private var timestamps: String? {
        named(findings.cutTimestamps).map {
            "\($0): dates, cut to milliseconds; `timestamp: iso` or `timestamp: int64_micros` keeps microseconds"
        }
    }

    private var numerics: String? {
        named(findings.wideNumerics).map {
            "\($0): decimal128; a number of more than 34 digits becomes text, or with `numeric_overflow: fail` an error"
        }
    }

    private var lastModified: String? {
        let names: Set<String> = ["updated_at", "modified_at", "last_modified", "last_updated", "changed_at"]
        let column = others.first { names.contains($0.name) && [1114, 1184].contains($0.type.oid) }
        return column.map {
            "`last_modified: \($0.name)` keeps documents that an application has written later than the row"
        }
    }

    private var generated: String? {
        guard !table.generatedColumns.isEmpty else { return nil }
        return "generated columns are left out: \(table.generatedColumns.listed); `compute` makes such fields"
    }

    private var others: [Column] { table.schema.columns.filter { !table.primaryKey.contains($0.name) } }

    /// In words; nil when there is none.
    private func named(_ columns: [String]) -> String? { columns.isEmpty ? nil : columns.listed }

    /// MongoDB refuses a second index of the same keys and options under another name.
    private static func distinct(_ proposals: [IndexProposal]) -> [IndexProposal] {
        var seen: [CollectionIndex: String] = [:]
        return proposals.map { proposal in
            guard let index = proposal.index else { return proposal }
            if let first = seen[index.renamed("")] { return proposal.without("it is the same as \(first)") }
            seen[index.renamed("")] = index.name
            return proposal
        }
    }
}

extension Finding {
    fileprivate var sentence: String { "\(subject): \(message)" }
}

extension CollectionIndex {
    /// As the value of its name in the file.
    var yaml: String {
        var parts = [
            "keys: [\(keys.map { YAMLText.value(($0.isDescending ? "-" : "") + $0.path) }.joined(separator: ", "))]"
        ]
        if isUnique { parts.append("unique: true") }
        if isSparse { parts.append("sparse: true") }
        if !conditions.isEmpty {
            let tests = conditions.map { "\(YAMLText.word($0.path)): \(YAMLText.value($0.value))" }
            parts.append("where: { \(tests.joined(separator: ", ")) }")
        }
        if let collation {
            parts.append("collation: { locale: \(collation.locale), strength: \(collation.strength) }")
        }
        return "{ \(parts.joined(separator: ", ")) }"
    }

    fileprivate func renamed(_ name: String) -> CollectionIndex {
        var other = CollectionIndex(name: name, keys: keys)
        (other.isUnique, other.isSparse, other.conditions, other.collation) = (
            isUnique, isSparse, conditions, collation
        )
        return other
    }
}
