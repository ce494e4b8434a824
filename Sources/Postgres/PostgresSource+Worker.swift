import Model

/// One active worker a pipeline.
extension PostgresSource {
    /// Opens the replication connection, or an ordinary one where no replication is used, and takes the pipeline's lock
    /// on it; does nothing when this source holds it already.
    ///
    /// - Parameters:
    ///   - wait: How long another worker may take to go away.
    ///   - onWaiting: Called with a line for the operator while waiting.
    /// - Throws: `Failure` of kind `.inUse` naming the other worker, or what connecting throws.
    package func acquire(wait: Duration, onWaiting: @Sendable (String) -> Void = { _ in }) async throws {
        guard settings.usesReplication else { return try await acquireWithoutReplication(wait: wait, onWaiting) }
        if let replication, await replication.isUsable { return }
        do {
            let connection = try await ReplicationConnection.open(target, application: application)
            try await waitForLock(wait, onWaiting) { try await connection.run($0) }
            replication = connection
            replicationPID = Int(await connection.backendPID)
            holdsSnapshot = false
        } catch let error as ServerError {
            throw error.failure(doing: "open a replication connection", at: target)
        }
    }

    private func acquireWithoutReplication(wait: Duration, _ onWaiting: @Sendable (String) -> Void) async throws {
        if let holder, await holder.isUsable { return }
        let connection = try await PostgresConnection.open(target, application: application)
        try await waitForLock(wait, onWaiting) { try await connection.query($0, doing: "take the pipeline's lock") }
        holder = connection
    }

    /// Asking again and again, not one call that waits: a statement that waits holds a snapshot, and a standby worker
    /// would keep the source from cleaning up for weeks.
    private func waitForLock(
        _ wait: Duration, _ onWaiting: @Sendable (String) -> Void,
        asking ask: @Sendable (_ sql: String) async throws -> QueryResult
    ) async throws {
        let deadline = ContinuousClock.now + wait
        var pause = Duration.milliseconds(20)
        while try await ask(WorkerLock.tryLock(settings.pipeline)).scalar != "t" {
            let worker = try await activeWorker()
            guard .now < deadline else { throw inUse(worker) }
            if let worker { onWaiting("pipeline \(settings.pipeline) is worked on by \(worker.summary)") }
            try await Task.sleep(for: min(pause, ContinuousClock.now.duration(to: deadline)))
            pause = min(pause * 2, .milliseconds(500))
        }
    }

    private func inUse(_ holder: ActiveWorker?) -> Failure {
        Failure(
            .inUse,
            "pipeline \(settings.pipeline) is worked on already: \(holder?.summary ?? "by a session that just ended")",
            hint: "Only one worker runs a pipeline: stop that one first, or end a dead one with SELECT "
                + "pg_terminate_backend(\(holder.map { "\($0.pid)" } ?? "pid")).")
    }

    /// Who holds the pipeline's lock, by the server's own view.
    package func activeWorker() async throws -> ActiveWorker? {
        let workers = try await ask(CatalogQuery.workers, doing: "look for the pipeline's worker")
        let object = WorkerLock.objectID(settings.pipeline)
        let row = workers.records.first { $0.oid("classid") == WorkerLock.classID && $0.oid("objid") == object }
        return row.map {
            ActiveWorker(
                pid: $0.int("pid") ?? 0, applicationName: $0.text("application_name"),
                clientAddress: $0["client_address"], since: $0["backend_start"])
        }
    }
}
