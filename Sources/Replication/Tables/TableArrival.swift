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
    /// - Parameters:
    ///   - held: tables that nothing is done with until an operator has accepted that they have changed.
    ///   - isSplit: a transaction is applied in part. What is left of it is found by counting changes of the tables that
    ///     there were: no other table comes in before it is whole.
    /// - Returns: who can't yet.
    func settle(
        _ state: PipelineState, _ catalogue: [CatalogueTable], at point: LSN, holding held: Set<TableName>,
        isSplit: Bool
    ) async throws -> Set<Outsider> {
        // As they are when it is tried: what stands in the way of one may go at the same moment, and is a change then.
        let outsiders = try await outsiders(of: state, catalogue)
        let stored = try await ports.store.tables(of: state.pipeline)
        tellMissing(stored, catalogue)
        let members = Set(stored.filter { $0.membership == .member }.map(\.table))
        var joined: Set<Outsider> = []
        for outsider in outsiders.sorted() where !held.contains(outsider.table) {
            if isSplit, !members.contains(outsider.table) { continue }
            guard let table = catalogue.first(where: { $0.name == outsider.table }) else { continue }
            do {
                if let refusal = table.refusal { throw Failure(.configuration, refusal.message, hint: refusal.remedy) }
                try await join(table, outsider, state, at: point)
                joined.insert(outsider)
            } catch let failure as Failure where [.denied, .inUse, .configuration].contains(failure.kind) {
                logger.warning(
                    "a table can't join the pipeline",
                    metadata: [
                        "table": "\(table.name)", "collection": "\(outsider.collection)",
                        "reason": "\(failure.message)", "hint": "\(failure.hint ?? "")",
                    ])
            }
        }
        return outsiders.subtracting(joined)
    }

    private func tellMissing(_ tables: [TableState], _ catalogue: [CatalogueTable]) {
        let names = Set(catalogue.map(\.name))
        for table in tables where table.membership == .joining && !names.contains(table.table) {
            logger.warning(
                "a table can't join the pipeline",
                metadata: [
                    "table": "\(table.table)", "collection": "\(table.collection)",
                    "reason": "the source has no such table",
                    "hint": "`wherry tables remove \(table.table)` takes the order back.",
                ])
        }
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
            published: try await ports.source.publishedTables(), rules: settings.rules,
            joinsBy: { settings.joins($0, of: state) })
    }

    private func join(
        _ table: CatalogueTable, _ outsider: Outsider, _ state: PipelineState, at point: LSN
    ) async throws {
        try BackfillPlanner.requireMessages(of: state.source, begun: state.pipeline)
        let tables = try await ports.store.tables(of: state.pipeline)
        let ordered = tables.first { $0.destination == outsider.destination && $0.membership == .joining }
        // By this worker's own configuration, and the target as it is now: the order may be an old one, or come from
        // another file.
        if let ordered { try requireNamed(ordered) }
        let destinations = settings.rules.destinations(of: [table.name])
        var joining = try await newState(
            of: table,
            destinations.first { $0.part.collection == outsider.collection } ?? outsider.destination,
            beside: tables.filter { $0.route != ordered?.route }, adopts: ordered?.wasEmpty == false)
        try await ports.target.createCollections([joining.collection])
        if !outsider.isPublished { try await ports.source.publish([table.name]) }
        joining.membership = .member
        (joining.shape, joining.coveredTo) = (table.shape, point)
        joining.wanted = BackfillRequest(
            cause: .first, condition: nil, removesGone: false, requestedAt: .now, host: settings.worker.host)
        try await ports.store.write([TableUpdate(ordered, to: joining)], of: state)
        logger.notice(
            "a table has joined the pipeline",
            metadata: ["table": "\(table.name)", "collection": "\(joining.collection)"])
    }

    private func newState(
        of table: CatalogueTable, _ destination: Destination, beside tables: [TableState], adopts: Bool
    ) async throws -> TableState {
        if let clash = StartChecks.sharing(tables.map(\.destination) + [destination]).first { throw clash }
        let part = destination.part
        if let taken = try await ports.store.collectionsTaken(
            [part], in: settings.targetDatabase, by: settings.pipeline, usesSlot: true
        ).first {
            throw taken.refusal
        }
        let occupied = try await ports.target.requireFree([part], adopts: settings.adopt || adopts)
        return try TableState(
            new: table.table, shape: table.shape, part: part, isFurther: tables.hasFirst(of: table.name),
            rules: settings.rules, occupied: adopts ? [part] : occupied)
    }

    /// The program that has ordered it may have a newer file. Without its mapping the rows would show what it masks.
    private func requireNamed(_ table: TableState) throws {
        guard !settings.rules.named.isEmpty, settings.rules.settings(of: table) == nil else { return }
        throw Failure(
            .configuration,
            "the worker's configuration doesn't bring table \(table.table) into \(table.collection)",
            hint: "It was added with another file: start the worker again with that one, or `wherry tables remove "
                + "\(table.table)`.")
    }
}

extension PipelineSettings {
    /// Whether a table that no operator has named joins a pipeline that has begun.
    func joins(_ table: CatalogueTable, of state: PipelineState) -> Bool {
        table.isChosen && !state.picksTables && (collections != nil || schemaChanges == .follow)
    }
}
