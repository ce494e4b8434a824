import Logging
import Model

/// Compares what is stored of tables with the catalogue, and decides what is to be stored. Pure.
struct ShapeSettlement {
    let settings: PipelineSettings
    let notes: SchemaNotes
    /// `server_version_num`
    let serverVersion: Int

    struct Outcome {
        var updates: [TableUpdate] = []
        /// Changed, and waiting for an operator; by the names that they have now.
        var held: Set<TableName> = []
        /// For the log.
        var told: [Logger.Metadata] = []
    }

    /// - Throws: `Failure(.configuration)` when `schema_changes` is `fail`, or a new name doesn't fit.
    func settle(
        _ tables: [TableState], _ catalogue: [CatalogueTable], at point: LSN, isPicked: Bool
    ) throws -> Outcome {
        var outcome = Outcome()
        let shown = ShownTables(tables, in: catalogue)
        try requireDistinct(tables, shown)
        for table in tables where table.membership != .joining {
            guard let now = shown[table] else { continue }
            var next = table
            next.table = now.name
            // Of one that leaves nothing but the name counts any more: its other collections have that too.
            guard table.membership == .member else {
                if next != table { outcome.updates.append(TableUpdate(table, to: next)) }
                continue
            }
            if now.name != table.table {
                try requireNamed(table, next, isPicked: isPicked)
                outcome.told.append([
                    "table": "\(table.table)", "collection": "\(table.collection)",
                    "change": "it is called \(now.name)",
                ])
            }
            try settle(&next, now, at: point, &outcome)
            if next != table { outcome.updates.append(TableUpdate(table, to: next)) }
        }
        return outcome
    }

    private func settle(
        _ table: inout TableState, _ now: CatalogueTable, at point: LSN, _ outcome: inout Outcome
    ) throws {
        guard let shape = table.shape else {
            // An older state: what its documents are made of is what there is.
            (table.shape, table.coveredTo) = (now.shape, point)
            return
        }
        var words = now.shape.changes(since: shape)
        if words.isEmpty, notes.contains(shape.oid) { words = ["it was changed, and changed back"] }
        guard !words.isEmpty || table.acceptsChange else {
            table.shape = now.shape
            return
        }
        if !table.acceptsChange {
            switch settings.schemaChanges {
            case .follow: break
            case .fail: throw SchemaChange.refusal(table.table, SchemaChange.summary(words))
            case .pause:
                outcome.held.insert(table.table)
                return
            }
        }
        table.wanted = request(for: table, now)
        table.keyColumns = table.keyColumns(in: now.shape)
        (table.shape, table.coveredTo, table.acceptsChange) = (now.shape, point, false)
        outcome.told.append([
            "table": "\(table.table)", "collection": "\(table.collection)",
            "change": "\(SchemaChange.summary(words))",
            "documents": table.wanted == nil
                ? "those that are there keep their form: reading them again needs PostgreSQL 14" : "read again",
        ])
    }

    /// What brings the documents into the new form; nil where the server can't.
    private func request(for table: TableState, _ now: CatalogueTable) -> BackfillRequest? {
        guard serverVersion >= 140_000 else { return nil }
        // Everything is read for that anyway.
        if let wanted = table.wanted, wanted.cause != .asked { return wanted }
        let unfinished = table.backfill.flatMap { $0.isFinished ? nil : $0 }
        let isAnew = now.shape.oid != table.shape?.oid
        let removesGone: Bool
        if isAnew {
            removesGone = table.wasEmpty && settings.rules.lastModified(of: table) == nil
        } else if let wanted = table.wanted {
            removesGone = wanted.removesGone && wanted.condition == nil
        } else {
            removesGone = unfinished.map { $0.sweep != nil && $0.condition == nil } ?? false
        }
        return BackfillRequest(
            cause: unfinished?.cause == .gap ? .gap : .schemaChange, condition: nil, removesGone: removesGone,
            requestedAt: .now, host: settings.worker.host)
    }

    // MARK: - Names

    /// The file goes on naming a table by what it was called, or names it by its new name with other collections: what is
    /// meant to leave is not to be told from what was forgotten.
    private func requireNamed(_ old: TableState, _ new: TableState, isPicked: Bool) throws {
        guard let collections = settings.collections, !settings.keeps(new, isPicked: isPicked) else { return }
        if settings.keeps(old, isPicked: isPicked) {
            throw Failure(
                .configuration,
                "table \(old.table) is called \(new.table) now, and 'collections' names it \(old.table)",
                hint: "Write from: \(new.table) there, then start again: its collection stays.")
        }
        guard collections[new.table] != nil || collections[old.table] != nil else { return }
        throw Failure(
            .configuration,
            "table \(old.table) is called \(new.table) now, and 'collections' doesn't bring it into \(old.collection) any "
                + "more",
            hint:
                "Write the entry of \(old.collection) with from: \(new.table), then start again. An entry can be taken "
                + "out once the pipeline knows the new name.")
    }

    /// One that is gone may have left its name to another.
    private func requireDistinct(_ tables: [TableState], _ shown: ShownTables) throws {
        var owners: [TableName: TableName] = [:]
        for table in tables {
            let name = shown[table]?.name ?? table.table
            guard let other = owners.updateValue(table.table, forKey: name), other != table.table else { continue }
            let gone = other == name ? other : table.table
            throw Failure(
                .configuration,
                "table \(other == name ? table.table : other) is called \(name) now, as table \(gone) was",
                hint: "`wherry tables remove \(gone)` takes the one out that is gone; its documents stay.")
        }
    }
}
