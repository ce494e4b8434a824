import Mapping
import Model
import Postgres
import Replication

/// Findings about both ends together. Pure.
enum CheckFindings {
    /// What the mapping has to say about a table: its values, why it or the table's key makes no document, its guard.
    static func mapping(
        of table: DraftTable, into collection: String, by mapping: CollectionMapping = CollectionMapping(),
        guardedBy guarding: LastModified? = nil
    ) -> [Finding] {
        let guardFindings = guarding.map { lastModified($0, of: table) } ?? []
        do {
            let plan = try MappingPlan(
                schema: table.schema, collection: collection, keyColumns: table.primaryKey, mapping: mapping)
            let findings = MappingFindings(plan, of: mapping, modifiers: table.modifiers).all + guardFindings
            guard let guarding, !guardFindings.contains(where: { $0.severity == .error }) else { return findings }
            return findings + lastModified(guarding, of: table, into: collection, by: mapping)
        } catch {
            // Whether the mapping is to blame, or the table's key.
            let isMapping =
                (try? MappingPlan(schema: table.schema, collection: collection, keyColumns: table.primaryKey)) != nil
            let code = isMapping ? "mapping_refused" : "key_refused"
            return [finding(error, code, subject: table.name.description)] + guardFindings
        }
    }

    /// Whether the mapping leaves the guard's column what it is compared as.
    private static func lastModified(
        _ guarding: LastModified, of table: DraftTable, into collection: String, by mapping: CollectionMapping
    ) -> [Finding] {
        do {
            _ = try MappingPlan(
                schema: table.schema, collection: collection, keyColumns: table.primaryKey, lastModified: guarding,
                mapping: mapping)
            return []
        } catch {
            return [finding(error, "last_modified", subject: "\(table.name).\(guarding.column)")]
        }
    }

    /// Before the first start: collections that two tables would share, and those that hold documents already.
    static func collections(
        _ destinations: [Destination], occupied: Set<CollectionPart>, adopts: Bool
    ) -> [Finding] {
        var findings = StartChecks.sharing(destinations).map { finding($0, "collection_shared", subject: "target") }
        for destination in destinations {
            let table = destination.table
            guard let problem = NameRules.collectionProblem(destination.part.collection) else { continue }
            findings.append(
                Finding(
                    .error, "collection_name", subject: table.description,
                    "\(table) can't become a collection: its name \(problem)",
                    remedy: "Rename the table, leave it out with source.exclude or --exclude, or give it another "
                        + "collection in 'collections'."))
        }
        guard let refusal = StartChecks.occupied(occupied) else { return findings }
        guard adopts else { return findings + [finding(refusal, "target_not_empty", subject: "target")] }
        findings.append(
            Finding(
                .info, "target_not_empty", subject: "target",
                "rows will overwrite documents of the same key in: "
                    + occupied.map(\.description).sorted().joined(separator: ", ")))
        return findings
    }

    /// The guard of a table: whether its column is of use, and what NULL in it means.
    static func lastModified(_ guarding: LastModified, of table: DraftTable) -> [Finding] {
        let name = table.name
        let subject = "\(name).\(guarding.column)"
        guard let problem = guarding.problem(in: table.schema, keyColumns: table.primaryKey) else {
            guard table.nullableColumns.contains(guarding.column) else { return [] }
            return [
                Finding(
                    .info, "last_modified_nullable", subject: subject,
                    "a row of \(name) without \(guarding.column) replaces only a document that has no date there "
                        + "either")
            ]
        }
        let near = Suggestion.nearest(to: guarding.column, among: table.schema.columns.map(\.name))
        let remedy =
            switch problem {
            case .missing:
                (near.map { "Did you mean \($0)? " } ?? "")
                    + "sql/30_last_modified.sql adds such a column, with the trigger that keeps it."
            case .key, .type: "Name a column of type timestamptz or timestamp that is no part of the key."
            }
        return [
            Finding(
                .error, "last_modified", subject: subject, guarding.message(of: problem, table: name),
                remedy: remedy)
        ]
    }

    /// Before the first start: collections that another pipeline has.
    static func taken(_ collections: [TakenCollection]) -> [Finding] {
        collections.map { finding($0.refusal, "collection_taken", subject: "target") }
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

    /// Whether the pipeline may go on with this source and these settings.
    static func continuation(
        of state: PipelineState, from now: SourceIdentity, with settings: Settings, usesSlot: Bool = true
    )
        -> [Finding]
    {
        if let kind = StartChecks.kind(of: state, usesSlot: usesSlot) {
            return [finding(kind, "copy_without_slot", subject: "pipeline")]
        }
        let source = StartChecks.source(of: state, is: now).map {
            finding($0, "source_is_another", subject: "source")
        }
        let names = StartChecks.names(
            in: state, slot: settings.source.slot, publication: settings.source.publication,
            plugin: settings.source.plugin, targetDatabase: settings.target.uri.database
        ).map { finding($0, "settings_changed", subject: "pipeline") }
        return [source, names].compactMap { $0 }
    }

    /// Whether the configuration still says of the pipeline's tables what it did at the first start.
    static func choice(of tables: [TableState], in state: PipelineState, with settings: Settings) -> [Finding] {
        let configured = settings.source.collections
        let kept = tables.filter {
            $0.membership == .member && (configured == nil || settings.source.rules.settings(of: $0) != nil)
        }
        let refusals = [
            StartChecks.collections(tables, of: state, configured: configured),
            StartChecks.mapping(kept, of: state, rules: settings.source.rules),
            StartChecks.choice(of: tables, in: state, configured: configured),
            StartChecks.guards(tables, of: state, rules: settings.source.rules),
        ]
        return refusals.compactMap { $0 }.map { finding($0, "tables_changed", subject: "pipeline") }
    }

    /// Tables whose columns are not those any more that their documents are made of.
    static func schemaChanges(
        _ tables: [TableState], in catalogue: [CatalogueTable], by policy: SchemaChangePolicy
    ) -> [Finding] {
        let changes = SchemaChange.find(tables, in: catalogue)
        let renamed = changes.filter(\.isRenamed).map { change in
            Finding(
                .info, "table_renamed", subject: change.state.table.description,
                "\(change.state.table) is called \(change.now.name) now; its collection stays")
        }
        return renamed
            + changes.filter { !$0.words.isEmpty }.map { change in
                let name = change.state.table
                let accept = "`wherry set --accept-schema-change \(name)` goes on: the table is read again."
                let isHeld = policy != .follow && !change.state.acceptsChange
                return Finding(
                    !isHeld ? .info : policy == .pause ? .warning : .error, "schema_changed", subject: name.description,
                    "\(name) has changed, and "
                        + (isHeld
                            ? policy == .pause ? "its next change holds the stream" : "schema_changes is fail"
                            : "its documents get the new form") + ": \(change.summary)",
                    remedy: isHeld ? accept : nil)
            }
    }

    /// A worker that is active keeps a second one waiting.
    static func activity(_ worker: ActiveWorker?, pipeline: String) -> [Finding] {
        guard let worker else { return [] }
        return [
            Finding(
                .info, "worker_active", subject: "pipeline",
                "pipeline \(pipeline) is worked on: \(worker.summary); a second 'wherry run' waits a moment for it to end, "
                    + "and ends itself with 75")
        ]
    }

    static func finding(_ failure: Failure, _ code: String, subject: String) -> Finding {
        Finding(.error, code, subject: subject, failure.message, remedy: failure.hint, kind: failure.kind)
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
