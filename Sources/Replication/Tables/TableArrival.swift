import Logging
import Model

/// Tables that join a pipeline. A new one is published before it is stored, and stored with what brings its rows: until
/// then it is an outsider that the next start finds again. The floor of its backfill is taken after that, so that no row
/// is read by a snapshot that a transaction from before the publication is not part of.
struct TableArrival {
    let settings: PipelineSettings
    let ports: PipelinePorts
    let logger: Logger

    /// Lets in who can come in.
    ///
    /// - Returns: who can't yet.
    func settle(
        _ state: PipelineState, _ catalogue: [CatalogueTable], at point: LSN
    ) async throws -> Set<Outsider> {
        for outsider in try await outsiders(of: state, catalogue).sorted(by: { $0.table < $1.table }) {
            guard let table = catalogue.first(where: { $0.name == outsider.table }) else { continue }
            do {
                if let refusal = table.refusal { throw Failure(.configuration, refusal.message, hint: refusal.remedy) }
                try await join(table, isPublished: outsider.isPublished, state, at: point)
            } catch let failure as Failure where [.denied, .inUse, .configuration].contains(failure.kind) {
                logger.warning(
                    "a table can't join the pipeline",
                    metadata: [
                        "table": "\(table.name)", "reason": "\(failure.message)", "hint": "\(failure.hint ?? "")",
                    ])
            }
        }
        return try await outsiders(of: state, catalogue)
    }

    /// - Throws: `Failure(.configuration)` for a table that the configuration names and the source doesn't have.
    func requireConfigured(_ state: PipelineState, _ catalogue: [CatalogueTable]) async throws {
        guard let configured = settings.collections, !state.picksTables, !catalogue.isEmpty else { return }
        let known =
            try await ports.store.tables(of: state.pipeline).map(\.table) + catalogue.map(\.name)
            + ports.store.leftTables(of: state.pipeline).map(\.table)
        guard let missing = Set(configured.keys).subtracting(known).min() else { return }
        throw Failure(
            .configuration, "there is no table \(missing), which 'collections' names",
            hint: "Write it as the catalogue does, upper and lower case too, or remove it there.")
    }

    private func outsiders(of state: PipelineState, _ catalogue: [CatalogueTable]) async throws -> Set<Outsider> {
        Outsider.find(
            catalogue, try await ports.store.tables(of: state.pipeline),
            left: try await ports.store.leftTables(of: state.pipeline),
            published: try await ports.source.publishedTables(), joinsBy: { settings.joins($0, of: state) })
    }

    private func join(
        _ table: CatalogueTable, isPublished: Bool, _ state: PipelineState, at point: LSN
    ) async throws {
        try BackfillPlanner.requireMessages(of: state.source, begun: state.pipeline)
        let tables = try await ports.store.tables(of: state.pipeline)
        var joining: TableState
        if let stored = tables.first(where: { $0.table == table.name }) {
            joining = stored
        } else {
            joining = try await newState(of: table, beside: tables)
        }
        try await ports.target.createCollections([joining.collection])
        if !isPublished { try await ports.source.publish([table.name]) }
        joining.membership = .member
        (joining.shape, joining.coveredTo) = (table.shape, point)
        joining.wanted = BackfillRequest(
            cause: .first, condition: nil, removesGone: false, requestedAt: .now, host: settings.worker.host)
        try await ports.store.write([TableUpdate(stored: table.name, table: joining)], of: state)
        logger.notice(
            "a table has joined the pipeline",
            metadata: ["table": "\(table.name)", "collection": "\(joining.collection)"])
    }

    private func newState(of table: CatalogueTable, beside tables: [TableState]) async throws -> TableState {
        let part = settings.rules.part(of: table.name)
        var parts = Dictionary(tables.map { ($0.table, $0.part) }, uniquingKeysWith: { first, _ in first })
        parts[table.name] = part
        if let clash = StartChecks.sharing(parts).first { throw clash }
        if let taken = try await ports.store.collectionsTaken(
            [part], in: settings.targetDatabase, by: settings.pipeline, usesSlot: true
        ).first {
            throw taken.refusal
        }
        let occupied = try await ports.target.nonEmpty([part])
        if !settings.adopt, let refusal = StartChecks.occupied(occupied) { throw refusal }
        return try TableState(
            new: table.table, shape: table.shape, collection: part.collection,
            rules: settings.rules, occupied: occupied)
    }
}

extension PipelineSettings {
    /// Whether a table that no operator has named joins a pipeline that has begun.
    func joins(_ table: CatalogueTable, of state: PipelineState) -> Bool {
        table.isChosen && !state.picksTables && (collections != nil || schemaChanges == .follow)
    }
}
