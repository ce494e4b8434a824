import Model

/// `wherry check` on a pipeline whose initial copy is whole: what a start of the stream would run into.
extension PostgresSource {
    func streamFindings(
        _ scope: PreflightScope, _ all: [CatalogTable], _ slot: SlotStatus?, _ checkpoint: LSN
    ) async throws -> [Finding] {
        let server = try await serverPosition()
        var findings = try await refusals("position") {
            try PositionCheck.check(
                slot: slot, named: settings.slot, database: server.database, position: checkpoint,
                serverFlush: server.flush)
        }
        findings += try await refusals("publication") {
            try await checkPublication()
            try await requirePublished(all.map(\.name).filter(scope.carries))
        }
        findings += slot.map { activity(of: $0) } ?? []
        return findings + vanished(scope, all) + (try await strangers(scope, all))
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

    private nonisolated func vanished(_ scope: PreflightScope, _ all: [CatalogTable]) -> [Finding] {
        guard case .begun(let tables, _) = scope.pipeline else { return [] }
        return tables.subtracting(all.map(\.name)).sorted().map { name in
            Finding(
                .warning, "table_gone", subject: name.description,
                "table \(name) of the pipeline doesn't exist any more under this name; its documents stay as they are",
                remedy:
                    "If it was dropped, nothing; if it was renamed, its next change stops the pipeline: give it the "
                    + "old name back before.")
        }
    }

    /// Tables that the configuration names and that came after the first start.
    private func strangers(_ scope: PreflightScope, _ all: [CatalogTable]) async throws -> [Finding] {
        let published = Set(try await publication()?.tables ?? [])
        let name = quoteIdentifier(settings.publication)
        return all.map(\.name).filter { !scope.carries($0) && (scope.names($0) || published.contains($0)) }.map {
            table in
            guard published.contains(table) else {
                return Finding(
                    .info, "table_not_in_pipeline", subject: table.description,
                    "\(table) was not there at the pipeline's first start and is not carried")
            }
            return Finding(
                .warning, "table_not_in_pipeline", subject: table.description,
                "\(table) is published, but not in the pipeline: its next change stops the pipeline",
                remedy: "As the publication's owner run: ALTER PUBLICATION \(name) DROP TABLE \(table.quoted);")
        }
    }
}
