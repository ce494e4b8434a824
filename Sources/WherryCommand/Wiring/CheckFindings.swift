import Mapping
import Model

/// Findings about both ends together. Pure.
enum CheckFindings {
    /// What the mapping has to say about a table: its types, and why its key can't be an `_id`.
    static func types(of table: SourceTable) -> [Finding] {
        do {
            return try MappingPlan(
                schema: table.schema, collection: table.schema.name.defaultCollection, keyColumns: table.primaryKey
            ).typeFindings
        } catch {
            return [
                Finding(
                    .error, "key_refused", subject: table.schema.name.description, error.message, remedy: error.hint,
                    kind: error.kind)
            ]
        }
    }

    /// Before the first start: collections that two tables would share, and those that hold documents already.
    static func collections(of tables: [SourceTable], occupied: Set<String>, adopts: Bool) -> [Finding] {
        let groups = Dictionary(grouping: tables.map(\.schema.name), by: \.defaultCollection)
        var findings = groups.filter { $1.count > 1 }.sorted { $0.key < $1.key }.map { collection, names in
            Finding(
                .error, "collection_shared", subject: collection,
                "tables \(names.sorted().map(\.description).joined(separator: " and ")) would share collection \(collection)",
                remedy: "Leave one of them out with source.exclude or --exclude.")
        }
        for table in tables.map(\.schema.name).sorted() {
            guard let problem = NameRules.collectionProblem(table.defaultCollection) else { continue }
            findings.append(
                Finding(
                    .error, "collection_name", subject: table.description,
                    "\(table) can't become a collection: its name \(problem)",
                    remedy: "Rename the table, or leave it out with source.exclude or --exclude."))
        }
        if !occupied.isEmpty {
            let names = occupied.sorted().joined(separator: ", ")
            findings.append(
                adopts
                    ? Finding(
                        .info, "target_not_empty", subject: "target",
                        "rows will overwrite documents of the same key in: \(names)")
                    : Finding(
                        .error, "target_not_empty", subject: "target",
                        "the target already holds documents in: \(names)",
                        remedy: "Empty these collections, choose another database, or run with --adopt: then rows "
                            + "overwrite documents of the same key, and all others stay."))
        }
        return findings
    }

    /// A slot that no state explains: left by a pipeline whose state is gone, or somebody else's.
    static func slotWithoutState(_ slot: SlotStatus?, pipeline: String) -> [Finding] {
        guard let slot else { return [] }
        return [
            Finding(
                .error, "slot_without_state", subject: "source",
                "slot \(slot.name) exists, but the state database knows no pipeline \(pipeline)",
                remedy: "If it is a leftover, remove it with 'wherry drop \(pipeline)'; else choose another name with "
                    + "--pipeline, or the right --state-database.")
        ]
    }

    /// Whether the source is the one the pipeline was started with.
    static func identity(_ state: PipelineState, now: SourceIdentity) -> [Finding] {
        guard
            state.source.systemIdentifier != now.systemIdentifier || state.source.database != now.database
        else { return [] }
        return [
            Finding(
                .error, "source_is_another", subject: "source",
                "the source is not the one pipeline \(state.pipeline) was started with: cluster "
                    + "\(now.systemIdentifier), database \(now.database) instead of cluster "
                    + "\(state.source.systemIdentifier), database \(state.source.database)",
                remedy: "Point the source URI at the old server, or remove the pipeline with 'wherry drop "
                    + "\(state.pipeline)' and copy from the new one.", kind: .dataGap)
        ]
    }

    /// The failure of a start that the findings forbid, nil when they don't: the worst one first, the number of the
    /// others, and where to read them.
    static func refusal(_ findings: [Finding], pipeline: String) -> Failure? {
        let errors = findings.filter { $0.severity == .error }
        let code = CheckReport(pipeline: pipeline, findings: findings).exitCode
        guard let worst = errors.first(where: { Failure($0.kind, $0.message).exitCode == code }) ?? errors.first else {
            return nil
        }
        guard errors.count > 1 else { return Failure(worst.kind, worst.message, hint: worst.remedy) }
        let others = errors.count == 2 ? "another problem" : "\(errors.count - 1) other problems"
        return Failure(
            worst.kind, "\(worst.message) (and \(others))",
            hint: (worst.remedy.map { "\($0) " } ?? "") + "'wherry check' lists everything.")
    }
}
