import Model

/// `wherry check` on a pipeline whose initial copy is whole: what a start of the stream would run into.
extension PostgresSource {
    /// To be asked only when source, slot and publication are known to be the pipeline's.
    ///
    /// - Parameter checkpoint: reads the stored checkpoint. It is called after the slot was read: a worker that goes on
    ///   meanwhile moves both, and the slot never passes the checkpoint.
    package func streamFindings(
        _ scope: PreflightScope, checkpoint: () async throws -> LSN?
    ) async throws -> [Finding] {
        let slot = try await slot()
        guard let applied = try await checkpoint() else { return [] }
        let server = try await serverPosition()
        let all = try await allTables()
        var findings = try await refusals("position") {
            if server.isInRecovery, slot == nil { throw PositionCheck.standby(target.address, settings.slot) }
            try PositionCheck.check(
                slot: slot, named: settings.slot, plugin: settings.plugin, database: server.database,
                position: applied, serverFlush: server.flush)
        }
        findings += try await refusals("publication") {
            try await requirePublished(all.filter(scope.carries).map(\.name))
            try await checkPublication()
        }
        return findings + (try await strangers(scope, all))
    }

    /// What `check` throws, as a finding.
    private func refusals(_ code: String, _ check: () async throws -> Void) async throws -> [Finding] {
        do {
            try await check()
            return []
        } catch let failure as Failure where failure.kind == .dataGap || failure.kind == .configuration {
            return [
                Finding(.error, code, subject: "source", failure.message, remedy: failure.hint, kind: failure.kind)
            ]
        }
    }

    /// Tables that the configuration names or the publication has, and that are not the pipeline's.
    private func strangers(_ scope: PreflightScope, _ all: [CatalogTable]) async throws -> [Finding] {
        guard let publication = try await publication(), !publication.isForAllTables else { return [] }
        let isSomeTableGone = !(scope.begunTables ?? []).isSubset(of: all.map(\.name))
        return all.filter {
            !scope.carries($0) && (scope.names($0) || publication.tables.contains($0.name))
        }.map(\.name).map { table in
            guard publication.tables.contains(table) else {
                return Finding(
                    .info, "table_not_in_pipeline", subject: table.description,
                    "\(table) is not carried: the pipeline's tables were decided at its first start")
            }
            return Finding(
                .warning, "table_not_in_pipeline", subject: table.description,
                "\(table) is published, but not in the pipeline: its next change stops the pipeline",
                // Under a new name it is still the pipeline's: taken out, its changes would be missing without a word.
                remedy: isSomeTableGone
                    ? "If it is one of the pipeline's tables that was renamed, give it its name back."
                    : "As the publication's owner run: ALTER PUBLICATION \(quoteIdentifier(settings.publication)) "
                        + "DROP TABLE \(table.quoted);")
        }
    }
}
