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
        return findings + (try await unchangeable()) + (try await strangers(scope, all))
    }

    /// Tables that nobody can update because of the publication: their replica identity has changed since it got its
    /// filter.
    private func unchangeable() async throws -> [Finding] {
        let name = quoteIdentifier(settings.publication)
        return try await publication()?.unchangeable.map { table in
            Finding(
                .error, "row_filter_identity", subject: table.description,
                "the source refuses UPDATE and DELETE on \(table): publication \(settings.publication) filters its rows by "
                    + "columns outside of its replica identity",
                remedy:
                    "A worker that is active takes away what it has put there; so does the next start of `wherry run`. "
                    + "Or run: BEGIN; ALTER PUBLICATION \(name) DROP TABLE \(table.quoted); ALTER "
                    + "PUBLICATION \(name) ADD TABLE ONLY \(table.quoted); COMMIT;")
        } ?? []
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
        return all.filter {
            !scope.carries($0) && (scope.names($0) || publication.tables.contains($0.name))
        }.map { stranger($0, scope, publication) }
    }

    private nonisolated func stranger(
        _ table: CatalogTable, _ scope: PreflightScope, _ publication: Publication
    ) -> Finding {
        func finding(_ severity: Finding.Severity, _ message: String, _ remedy: String?) -> Finding {
            Finding(
                severity, "table_not_in_pipeline", subject: table.name.description, "\(table.name) \(message)",
                remedy: remedy)
        }
        let isPublished = publication.tables.contains(table.name)
        let name = quoteIdentifier(settings.publication)
        let drop = "As \(publication.owner) run: ALTER PUBLICATION \(name) DROP TABLE \(table.name.quoted);"
        if scope.left.contains(table.name) {
            return isPublished
                ? finding(.info, "has left the pipeline and is still published: its changes are skipped", drop)
                : finding(.info, "has left the pipeline", "`wherry tables add \(table.name)` takes it back.")
        }
        let findings = TableFindings(table: table, role: "", hasBegun: false).all
        if let refusal = findings.first(where: { $0.severity == .error }) {
            return finding(.warning, "can't join the pipeline: \(refusal.message)", refusal.remedy)
        }
        if scope.letsTablesJoin, scope.names(table) {
            return finding(
                .info, "joins the pipeline, within seconds while a worker is active",
                isPublished || table.isOwned
                    ? nil
                    : "Where Wherry's role may not publish it, run as \(publication.owner): ALTER PUBLICATION \(name) ADD "
                        + "TABLE ONLY \(table.name.quoted);")
        }
        let add = "`wherry tables add \(table.name)` lets it join"
        return isPublished
            ? finding(
                .warning, "is published, but not in the pipeline: its next change stops the pipeline",
                "\(add). Or take it out of the publication: \(drop)")
            : finding(.info, "is not carried", "\(add).")
    }
}
