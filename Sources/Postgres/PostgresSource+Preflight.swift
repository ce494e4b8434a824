import Foundation
import Model

/// The source's half of `wherry check`: reads, and writes nothing.
extension PostgresSource {
    /// Everything there is to say, each with its remedy. A source that can't be reached is one finding.
    ///
    /// - Throws: `CancellationError` only.
    package func preflight(_ scope: PreflightScope) async throws -> [Finding] {
        do {
            let facts = try await serverFacts()
            let slot = try await slot()
            let server = ServerFindings(facts: facts, plugin: scope.plugin, slot: slot, isLive: scope.fillsLive)
            var findings = scope.needsStream ? server.all : server.forCopy
            if scope.needsStream, canProbe(facts, slot, findings) { findings += try await replicationFindings() }
            if case .unknown = scope.pipeline { return findings }
            return findings + (try await tableFindings(scope, facts, slot))
        } catch let failure as Failure {
            let code = failure.kind == .denied ? "source_denied" : "source_unreachable"
            return [
                Finding(.error, code, subject: "source", failure.message, remedy: failure.hint, kind: failure.kind)
            ]
        }
    }

    private func tableFindings(
        _ scope: PreflightScope, _ facts: ServerFacts, _ slot: SlotStatus?
    ) async throws -> [Finding] {
        let all = try await allTables()
        let carried = all.filter { scope.carries($0) }
        var findings = carried.flatMap {
            TableFindings(table: $0, role: facts.role, hasBegun: scope.begunTables != nil).all
        }
        if scope.needsStream {
            findings += carried.compactMap { tooOldForPartitions($0, facts) } + pluginFindings(carried, facts)
        }
        findings += vanished(scope, all) + missing(scope, all)
        guard scope.needsStream else {
            if scope.begunTables == nil, carried.isEmpty, scope.tables == nil { findings.append(nothingChosen(scope)) }
            return findings.filter { $0.code != "replica_identity" } + (try await notCarriedFindings(scope))
        }
        if scope.isStreaming {
            // The stream needs nothing of a table but its changes: no start is refused for it any more.
            findings = findings.map(\.withoutRefusal) + (slot.map { activity(of: $0) } ?? [])
        } else {
            findings += slot.map { slotFindings($0) } ?? []
            if scope.begunTables == nil, carried.isEmpty, scope.tables == nil { findings.append(nothingChosen(scope)) }
            findings += try await publicationFindings(
                facts, carried.filter { $0.refusal == nil && !$0.primaryKey.isEmpty })
        }
        findings += try await typeFindings(carried.filter { $0.refusal == nil })
        return findings + (try await notCarriedFindings(scope))
    }

    private nonisolated func pluginFindings(_ carried: [CatalogTable], _ facts: ServerFacts) -> [Finding] {
        guard settings.plugin == .wal2json else { return [] }
        let numbers = Wal2JSONLimits.specialNumbers(carried)
        return carried.filter { $0.kind == .partitioned && $0.refusal == nil }.map { Wal2JSONLimits.partitioned($0) }
            + carried.compactMap { Wal2JSONLimits.numberInKey($0) }
            + [
                numbers,
                numbers.flatMap { _ in
                    Wal2JSONLimits.synchronousStandby(facts.synchronousStandbys, application: application)
                },
            ].compactMap { $0 }
    }

    private nonisolated func tooOldForPartitions(_ table: CatalogTable, _ facts: ServerFacts) -> Finding? {
        guard table.kind == .partitioned, table.refusal == nil, facts.versionNumber < 130_000 else { return nil }
        return Finding(
            .error, "partitioned_table", subject: table.name.description,
            "\(table.name) is partitioned, and PostgreSQL \(facts.version) publishes no partitioned table as one",
            remedy: "Upgrade the source to 13 or later, or leave it out (source.exclude).")
    }

    private nonisolated func vanished(_ scope: PreflightScope, _ all: [CatalogTable]) -> [Finding] {
        let oids = Set(all.map(\.schema.oid))
        let gone = (scope.begunTables ?? []).subtracting(all.map(\.name)).filter { name in
            !(scope.oids[name].map(oids.contains) ?? false)
        }
        return gone.sorted().map { name in
            Finding(
                .error, "table_gone", subject: name.description,
                "table \(name) of the pipeline doesn't exist any more under this name; its documents stay as they are",
                remedy: scope.isStreaming
                    ? "If it was dropped, `wherry tables remove \(name)` takes it out; if it was made anew, the worker goes "
                        + "on with it."
                    : "If it was renamed, give it its name back; else remove the pipeline with `wherry drop` and start "
                        + "anew without it.")
        }
    }

    /// Tables asked for by name that are not there.
    private nonisolated func missing(_ scope: PreflightScope, _ all: [CatalogTable]) -> [Finding] {
        guard scope.begunTables == nil, let asked = scope.tables else { return [] }
        return asked.subtracting(all.map(\.name)).sorted().map { name in
            let near = Suggestion.nearest(to: name.description, among: all.map(\.name.description).sorted())
            return Finding(
                .error, "table_missing", subject: name.description, "there is no table \(name)",
                remedy: (near.map { "Did you mean \($0)? " } ?? "")
                    + "Write it as the catalogue does, upper and lower case too; names with dots in double quotes.")
        }
    }

    /// What a missing privilege or setting explains already needs no second finding; and with all senders taken, a slot
    /// that is read shows that one could be had.
    private nonisolated func canProbe(_ facts: ServerFacts, _ slot: SlotStatus?, _ findings: [Finding]) -> Bool {
        if slot?.active == true, facts.usedSenders >= facts.maxSenders { return false }
        return !findings.contains { $0.code == "replication_privilege" || $0.code == "max_wal_senders" }
    }

    private func serverFacts() async throws -> ServerFacts {
        let connection = try await control()
        let before = Date().timeIntervalSince1970
        let answer = try await connection.query(CatalogQuery.facts, doing: "read the server's settings")
        let after = Date().timeIntervalSince1970
        guard let row = answer.records.first else {
            throw Failure(.unexpected, "the source shows nothing of its settings")
        }
        var facts = ServerFacts(row)
        facts.announcedPID = Int(await connection.backendPID)
        if let clock = row["clock_seconds"].flatMap({ Double($0) }) {
            facts.clockDifference = clock < before ? clock - before : max(0, clock - after)
        }
        return facts
    }

    /// Whether a walsender can be had at all: pg_hba.conf, poolers.
    private func replicationFindings() async throws -> [Finding] {
        do {
            await (try await ReplicationConnection.open(target, application: application)).close()
            return []
        } catch let error as ServerError {
            let failure = error.failure(doing: "open a replication connection", at: target)
            let code =
                switch (failure.kind, error.sqlState) {
                case (_, SQLState.protocolViolation): "connection_pooler"
                case (.denied, _): "replication_denied"
                default: "replication_connection"
                }
            return [
                Finding(.error, code, subject: "source", failure.message, remedy: failure.hint, kind: failure.kind)
            ]
        }
    }

    private nonisolated func slotFindings(_ slot: SlotStatus) -> [Finding] {
        // One that is not for decoding is somebody else's, whatever its state.
        if slot.plugin == "physical" { return [] }
        if slot.isLost {
            let failure = PositionCheck.lost(slot.name, slot.invalidationReason ?? "wal_status is lost")
            return [
                Finding(
                    .error, "slot_lost", subject: "source", failure.message, remedy: failure.hint, kind: failure.kind)
            ]
        }
        return activity(of: slot)
    }

    private nonisolated func activity(of slot: SlotStatus) -> [Finding] {
        guard slot.active else { return [] }
        let pid = slot.activePID.map { "\($0)" } ?? "unknown"
        return [Finding(.info, "slot_active", subject: "source", "slot \(slot.name) is in use by pid \(pid)")]
    }

    private nonisolated func nothingChosen(_ scope: PreflightScope) -> Finding {
        Finding(
            .error, "no_tables", subject: "source",
            "no table in \(scope.schemas.count == 1 ? "schema" : "schemas") \(scope.schemas.joined(separator: ", "))",
            remedy: "Name the schemas that hold your tables (source.schemas).")
    }

    private func publicationFindings(_ facts: ServerFacts, _ tables: [CatalogTable]) async throws -> [Finding] {
        guard !tables.isEmpty, !facts.isStandbyWithoutSlots else { return [] }
        let name = settings.publication
        let names = tables.map(\.name)
        let hasPartitioned = tables.contains { $0.kind == .partitioned }
        if let existing = try await publication() {
            let repair = publicationRepair(
                existing, names, hasPartitioned: hasPartitioned,
                hasForeignFilter: try await hasForeignFilter(existing))
            guard let repair else { return [] }
            return [
                Finding(
                    .error, "publication", subject: "source", "publication \(name) doesn't fit: \(repair.problem)",
                    remedy: "As \(existing.owner) run: \(repair.statements);")
            ]
        }
        let statement = createPublicationStatement(names, hasPartitioned: hasPartitioned)
        // A standby gets its publications from the primary.
        if facts.isInRecovery {
            return [
                Finding(
                    .error, "publication_missing", subject: "source",
                    "publication \(name) is missing, and a standby can't have one of its own",
                    remedy: "At the primary run: \(statement);")
            ]
        }
        let foreign = tables.filter { !$0.isOwned }.map(\.name.description)
        guard !facts.isSuperuser, !facts.canCreatePublication || !foreign.isEmpty else { return [] }
        let reason =
            facts.canCreatePublication
            ? "it doesn't own \(foreign.joined(separator: ", "))" : "it lacks CREATE on database \(facts.database)"
        return [
            Finding(
                .error, "publication_missing", subject: "source",
                "publication \(name) is missing and the role \(facts.role) may not create it: \(reason)",
                remedy: "Ask an owner of the tables, or a superuser, to run: \(statement);", kind: .denied)
        ]
    }

    /// One column without a binary form makes the whole stream text.
    private func typeFindings(_ tables: [CatalogTable]) async throws -> [Finding] {
        guard settings.binary, settings.plugin == .pgoutput else { return [] }
        let columns = tables.flatMap { table in table.schema.columns.map { (table.name, $0) } }
        let types = try await types(for: columns.map(\.1.type.oid))
        let reasons = columns.filter { !canDecodeBinary($0.1, types) }
            .map { "\($0.0).\($0.1.name) (\($0.1.type.name))" }
        guard !reasons.isEmpty else { return [] }
        return [
            Finding(
                .info, "stream_as_text", subject: "source",
                "values are streamed as text instead of binary because of \(reasons.listed)")
        ]
    }

    private func notCarriedFindings(_ scope: PreflightScope) async throws -> [Finding] {
        let rows = try await ask(CatalogQuery.notCarried, doing: "read what is not carried").records
        return rows.filter { $0["schema_name"].map { scope.schemas.contains($0) } ?? true }.map { row in
            let kind = row.text("kind")
            let place = row["schema_name"].map { " in schema \($0)" } ?? ""
            let examples = row["examples"].map { " (\($0.filter { !"{}\"".contains($0) }))" } ?? ""
            return Finding(
                .info, "not_carried", subject: kind, "\(row.text("number")) \(kind)\(place) are not carried\(examples)")
        }
    }
}
