import Model

/// The life of the pipeline's slot.
extension PostgresSource {
    /// The pipeline's slot; nil when there is none.
    package func slot() async throws -> SlotStatus? {
        try await slots().first { $0.name == settings.slot }
    }

    /// Every slot named `wherry_…`, with the WAL it holds, for those that no pipeline knows any more.
    package func wherrySlots() async throws -> [SlotStatus] {
        try await slots().filter { $0.name.hasPrefix("wherry_") }
    }

    private func slots() async throws -> [SlotStatus] {
        try await ask(CatalogQuery.slots, doing: "read the replication slots").records.map { SlotStatus($0) }
    }

    /// Makes the slot on the acquired replication connection, which then keeps the exported snapshot until its next
    /// command. Waits for every transaction that is writing, in all databases.
    ///
    /// - Parameters:
    ///   - timeout: How long that may take.
    ///   - onWaiting: Called every few seconds with a line that names who blocks.
    /// - Throws: `Failure` of kind `.inUse` naming the blockers when the time is over; `.denied`; `.configuration` when
    ///   the slot exists, no slot is free or wal_level is too low.
    package func createSlot(
        timeout: Duration, onWaiting: @escaping @Sendable (String) -> Void = { _ in }
    ) async throws -> ExportedSnapshot {
        try await acquire(wait: .zero)
        guard let replication else { throw Failure(.unexpected, "the replication connection is missing") }
        let watch = self
        return try await withThrowingTaskGroup(of: ExportedSnapshot?.self) { group in
            group.addTask { try await watch.createSlot(on: replication, timeout: timeout) }
            group.addTask {
                while true {
                    try await Task.sleep(for: .seconds(2))
                    // A report that fails must not end the creation.
                    if let blockers = try? await watch.blockers(), !blockers.isEmpty {
                        onWaiting("slot creation waits for \(blockers)")
                    }
                }
            }
            defer { group.cancelAll() }
            while let created = try await group.next() {
                if let created { return created }
            }
            throw CancellationError()
        }
    }

    private func createSlot(on replication: ReplicationConnection, timeout: Duration) async throws -> ExportedSnapshot {
        let milliseconds = max(1, Int(timeout / .milliseconds(1)))
        do {
            // lock_timeout governs this wait (each transaction waited for), statement_timeout doesn't.
            try await replication.run("SET lock_timeout = \(milliseconds)")
            let created = try await replication.run(
                "CREATE_REPLICATION_SLOT \(quoteIdentifier(settings.slot)) LOGICAL \(settings.plugin.rawValue) "
                    + "EXPORT_SNAPSHOT",
                timeout: timeout + .milliseconds(500))
            guard let row = created.records.first, let point = row.lsn("consistent_point"),
                let name = row["snapshot_name"]
            else { throw Failure(.unexpected, "the new slot has no consistent point") }
            holdsSnapshot = true
            do {
                try await requireKeysAreTold()
            } catch {
                // It would hold WAL for nobody.
                try? await dropSlot(wait: .zero)
                throw error
            }
            return ExportedSnapshot(consistentPoint: point, name: name)
        } catch let error as ServerError {
            throw try await creationFailure(error, timeout)
        }
    }

    private func creationFailure(_ error: ServerError, _ timeout: Duration) async throws -> Failure {
        if error.sqlState == SQLState.lockNotAvailable || error.origin == .timeout {
            let blockers = try await blockers()
            return Failure(
                .inUse,
                "slot \(settings.slot) can't be created within \(timeout.inSeconds): it waits for "
                    + (blockers.isEmpty ? "transactions that have just ended" : blockers),
                hint: "A new slot waits for every transaction that is writing. End the oldest, or start "
                    + "again when they have ended.")
        }
        if let failure = pluginFailure(error) { return failure }
        if error.sqlState == SQLState.duplicateObject {
            return Failure(
                .configuration, "slot \(settings.slot) exists already",
                hint: "It belongs to another pipeline, or to a run whose state is gone: `wherry pipelines` shows what "
                    + "it holds, `wherry drop` removes it.")
        }
        return error.failure(doing: "create slot \(settings.slot)", at: target)
    }

    /// Names the five oldest writing transactions, empty when there are none.
    private func blockers() async throws -> String {
        let others = try await writingTransactions().filter { $0["pid"] == nil || $0.int("pid") != replicationPID }
        let named = others.prefix(5).map { "\($0.transactionSummary) in \($0.text("database"))" }
        return named.joined(separator: ", ") + (others.count > 5 ? " and \(others.count - 5) more" : "")
    }

    /// Drops the slot; does nothing when there is none. The command goes over the connection that holds the worker's
    /// lock: a worker that was frozen and taken over has lost it, and can't drop its successor's slot.
    ///
    /// - Parameter wait: How long its walsender may take to end.
    /// - Throws: `Failure` of kind `.inUse` when somebody goes on using it.
    package func dropSlot(wait: Duration) async throws {
        let deadline = ContinuousClock.now + wait
        while true {
            do {
                try await acquire(wait: .zero)
                guard let replication else { throw Failure(.unexpected, "the replication connection is missing") }
                try await replication.run(
                    "SELECT pg_catalog.pg_drop_replication_slot(\(quoteLiteral(settings.slot)))")
                return
            } catch let error as ServerError {
                switch error.sqlState {
                case SQLState.undefinedObject: return
                case SQLState.objectInUse where .now < deadline: try await Task.sleep(for: .milliseconds(50))
                case SQLState.objectInUse: throw try await slotInUse()
                default: throw error.failure(doing: "drop slot \(settings.slot)", at: target)
                }
            }
        }
    }

    func slotInUse() async throws -> Failure {
        let slot = try await slot()
        let pid = slot?.activePID.map { "pid \($0)" } ?? "an unknown session"
        return Failure(
            .inUse, "slot \(settings.slot) is in use by \(pid), application \(slot?.activeApplication ?? "unknown")",
            hint: "Stop that session first, or end it with SELECT pg_terminate_backend(\(slot?.activePID ?? 0)).")
    }
}

extension Duration {
    /// For messages: `30 s`, `0.5 s`.
    var inSeconds: String {
        let tenths = Int((self / .milliseconds(100)).rounded())
        return tenths % 10 == 0 ? "\(tenths / 10) s" : "\(tenths / 10).\(tenths % 10) s"
    }
}

extension PostgresSource {
    package func dropSlot() async throws { try await dropSlot(wait: .seconds(5)) }
}
