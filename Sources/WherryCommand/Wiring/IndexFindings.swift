import Mapping
import Model
import Mongo
import Postgres

/// What there is to say of the indexes that the configuration asks for in one collection. Pure, and never a reason to
/// refuse a start.
struct IndexFindings {
    let collection: String
    let table: DraftTable
    /// The source's own.
    let sources: [CatalogIndex]
    let plan: MappingPlan
    let mapping: CollectionMapping

    func findings(_ indexes: [CollectionIndex]) -> [Finding] {
        indexes.flatMap { index -> [Finding] in
            let unknown = unknownPaths(index)
            guard unknown.isEmpty, index.isUnique, let reason = doubt(about: index) else { return unknown }
            return [
                finding(
                    "unique_index",
                    "unique index \(index.name) of collection \(collection) may refuse what the source takes: "
                        + reason,
                    remedy: "A document that it refuses stops the pipeline. Take 'unique' out, or mend the reason.")
            ]
        }
    }

    /// What there is to say of those that the collection has.
    ///
    /// - Parameters:
    ///   - indexes: those that the configuration asks for.
    ///   - isWhole: whether every row of the pipeline is there, which they are made behind.
    func findings(_ stored: IndexComparison, besides indexes: [CollectionIndex], isWhole: Bool) -> [Finding] {
        let missing = (isWhole ? stored.missing : []).map { name in
            finding(
                "index_missing", "index \(name) of collection \(collection) is not there",
                remedy: "The worker makes it; where it can't, 'an index can't be made' in its log says why.")
        }
        let different = stored.different.map { difference in
            finding(
                "index_differs",
                "index \(difference.name) of collection \(collection) is another than the file says: "
                    + difference.parts.joined(separator: ", "),
                remedy: "Drop it in MongoDB, and the next start makes it anew; or give it another name in the file.")
        }
        let asked = Set(indexes.map(\.name))
        let empty = stored.unique.filter { index in
            !asked.contains(index.name) && !index.paths.isEmpty && !index.paths.contains(where: isKnown)
        }.map { index in
            finding(
                "index_field",
                "unique index \(index.name) of collection \(collection) is on \(index.paths.joined(separator: ", ")), which "
                    + "no document has: a second one without may be refused",
                remedy: "If a mapping before had that field, drop the index in MongoDB.")
        }
        return missing + different + empty
    }

    private func finding(_ code: String, _ message: String, remedy: String) -> Finding {
        Finding(.warning, code, subject: table.name.description, message, remedy: remedy)
    }

    /// A value may be a document itself, or there may be one around several.
    private func isKnown(_ path: String) -> Bool {
        plan.paths.contains { $0 == path || path.hasPrefix($0 + ".") || $0.hasPrefix(path + ".") }
    }

    /// Fields that no document has.
    private func unknownPaths(_ index: CollectionIndex) -> [Finding] {
        let known = plan.paths
        return (index.keys.map(\.path) + index.conditions.map(\.path)).filter { !isKnown($0) }.map { path in
            let near = Suggestion.nearest(to: path, among: known)
            return finding(
                "index_field",
                "index \(index.name) of collection \(collection) is on \(path), a field that no document has",
                remedy: near.map { "Did you mean \($0)?" } ?? "The fields are: \(known.joined(separator: ", ")).")
        }
    }

    /// Why two rows of the source may have the same values in it; nil when they can't.
    func doubt(about index: CollectionIndex) -> String? {
        var columns: [Column] = []
        let constant = mapping.discriminator?.field
        if let constant, !index.keys.contains(where: { $0.path == constant || $0.path == "_id.\(constant)" }) {
            return "other tables have documents in the collection too, and \(constant) is not in the index"
        }
        for path in index.keys.map(\.path) where path != constant && path != constant.map({ "_id.\($0)" }) {
            guard let column = table.schema.columns.first(where: { plan.path(of: $0.name) == path }) else {
                return "\(path) is not the value of one column"
            }
            columns.append(column)
        }
        let names = Set(columns.map(\.name))
        let unique = sources.first { $0.isUnique && keeps($0, index, names) }
        guard unique != nil || names.isSuperset(of: table.primaryKey) else {
            return "the source has no unique index or key of \(names.sorted().joined(separator: ", ")) alone"
        }
        let findings = MappingFindings(plan, of: mapping, modifiers: table.modifiers)
        if let column = columns.first(where: { findings.mayMerge($0.name) }) {
            return "different values of \(column.name) may become the same"
        }
        if let column = columns.first(where: { $0.type.mayBeArray }) {
            let verb = column.type.isArray ? "is" : "may hold"
            return "\(column.name) \(verb) an array, and no element may be in two documents then"
        }
        if let collation = index.collation, collation.strength < 3, unique?.keys.allSatisfy({ hasOwn($0) }) != true {
            return "its collation takes texts for equal that are different in the source"
        }
        let nullable = columns.map(\.name).filter(table.nullableColumns.contains)
        guard index.isSparse || nullable.isEmpty || unique?.nullsAreEqual == true else {
            return
                "rows may have NULL in \(nullable.sorted().joined(separator: ", ")), and MongoDB takes nulls for equal "
                + "('sparse: true' leaves them out)"
        }
        return nil
    }

    /// Whether the source's index is about these columns, or fewer, and about every row that would be in the new one.
    private func keeps(_ source: CatalogIndex, _ index: CollectionIndex, _ columns: Set<String>) -> Bool {
        guard source.keys.allSatisfy({ $0.column.map(columns.contains) ?? false }) else { return false }
        guard source.predicate != nil else { return true }
        let proposal = IndexProposal(source, of: table, path: plan.path(of:))
        guard let proposed = proposal.index, proposed.isUnique else { return false }
        return Set(proposed.conditions).isSubset(of: index.conditions) && (!proposed.isSparse || index.isSparse)
    }

    /// Whether the source compares this column with something ignored, too, or there is nothing to ignore.
    private func hasOwn(_ key: CatalogIndex.Key) -> Bool {
        let type = table.schema.columns.first { $0.name == key.column }?.type
        return key.ignoresDifferences || type?.shape == .extended(.citext) || type?.isText == false
    }
}
