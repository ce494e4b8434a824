import Model

/// What wal2json needs besides: it knows no publications, and announces no tables.
extension PostgresSource {
    /// What stays of a column when its table is altered after a line was written.
    struct LineColumn: Hashable, Sendable {
        /// `pg_attribute.attnum`
        let number: Int
        let isGenerated: Bool
    }

    /// Completes what a line shows of its table by the catalogue of now.
    func complete(_ relation: WireRelation) async throws -> WireRelation {
        let sql = """
            SELECT c.oid AS table_oid,
                   c.relreplident AS replica_identity,
                   a.attname AS column_name,
                   a.attnum AS column_number,
                   a.atttypid AS type_oid,
                   a.attgenerated <> '' AS is_generated,
                   a.attlen = -1 AS is_toastable,
                   CASE c.relreplident
                        WHEN 'f' THEN true
                        WHEN 'n' THEN false
                        ELSE EXISTS (SELECT FROM pg_catalog.pg_index k
                                      WHERE k.indrelid = c.oid
                                        AND CASE c.relreplident WHEN 'd' THEN k.indisprimary AND k.indimmediate
                                                 ELSE k.indisreplident END
                                        AND a.attnum = ANY ((pg_catalog.string_to_array(k.indkey::text, ' ')
                                                             ::pg_catalog.int2[])[1:k.indnkeyatts]))
                   END AS is_identity
              FROM pg_catalog.pg_class c
              JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
              JOIN pg_catalog.pg_attribute a ON a.attrelid = c.oid
             WHERE n.nspname = $1 AND c.relname = $2 AND c.relkind IN ('r', 'p')
               AND a.attnum > 0 AND NOT a.attisdropped
             ORDER BY a.attnum
            """
        let name = relation.name
        let rows = try await ask(sql, [name.schema, name.name], doing: "read the columns of a table").records
        guard let first = rows.first, let oid = first.oid("table_oid") else {
            return WireRelation(
                oid: oidOfGone(name), name: name, replicaIdentity: .primaryKey,
                columns: LineColumns.merge(relation.columns, nil, extent: relation.extent))
        }
        let known = rows.map { row in
            LineColumns.Known(
                name: row.text("column_name"), typeOID: row.oid("type_oid") ?? 0,
                isGenerated: row.bool("is_generated"), isToastable: row.bool("is_toastable"),
                isIdentity: row.bool("is_identity"))
        }
        let columns = Dictionary(
            rows.map { row in
                (
                    row.text("column_name"),
                    LineColumn(number: row.int("column_number") ?? 0, isGenerated: row.bool("is_generated"))
                )
            }, uniquingKeysWith: { first, _ in first })
        lineColumns[oid, default: [:]].merge(columns) { _, new in new }
        let generated = lineColumns[oid, default: [:]].filter { $1.isGenerated && columns[$0] == nil }.keys
        return WireRelation(
            oid: oid, name: name,
            replicaIdentity: first.text("replica_identity").first.flatMap { ReplicaIdentity(rawValue: $0) } ?? .nothing,
            columns: LineColumns.merge(
                relation.columns, known, extent: relation.extent, generated: Set(generated)))
    }

    /// A number of its own for a table that no longer has one: from the far end of those the server gives.
    private func oidOfGone(_ name: TableName) -> UInt32 {
        if let oid = goneTables[name] { return oid }
        let oid = UInt32.max - UInt32(truncatingIfNeeded: goneTables.count)
        goneTables[name] = oid
        return oid
    }

    /// What START_REPLICATION asks of the plugin: everything but the tables there are besides the publication's.
    func wal2JSONOptions() async throws -> [String] {
        Wal2JSONOptions.list(excluding: try await excludedTables(), numbersAsStrings: !hidesSpecialNumbers)
    }

    /// Whether the plugin can stream these tables of this database.
    ///
    /// - Throws: `Failure` of kind `.configuration` with what to do instead.
    func requirePluginFits(_ tables: [TableName]) async throws {
        guard settings.plugin == .wal2json else { return }
        let encoding = try await ask("SHOW server_encoding", doing: "read the database's encoding").scalar ?? ""
        let partitioned = try await allTables().filter { $0.kind == .partitioned && tables.contains($0.name) }
        let findings =
            [Wal2JSONLimits.encoding(encoding)] + partitioned.map { Wal2JSONLimits.partitioned($0) }
        guard let finding = findings.compactMap({ $0 }).first else { return }
        throw Failure(.configuration, finding.message, hint: finding.remedy)
    }

    /// Whether the source's wal2json tells every key: before 2.6 a number may be NaN or an infinity and come as null, and
    /// without its key no row can be looked at again.
    ///
    /// - Throws: `Failure` of kind `.configuration` with what to do instead.
    func requireKeysAreTold() async throws {
        guard settings.plugin == .wal2json else { return }
        let published = Set(try await publication()?.tables ?? [])
        let tables = try await allTables().filter { published.contains($0.name) }
        guard let finding = tables.compactMap({ Wal2JSONLimits.numberInKey($0) }).first else { return }
        if !hidesSpecialNumbers { try await probePlugin() }
        guard hidesSpecialNumbers else { return }
        throw Failure(.configuration, finding.message, hint: finding.remedy)
    }

    /// Asks the slot, which nobody may be using, what the plugin can do.
    private func probePlugin() async throws {
        let sql = """
            SELECT count(*) FROM pg_catalog.pg_logical_slot_peek_changes($1, NULL, 1,
                   'format-version', '2', '\(Wal2JSONOptions.numbersAsStrings)', '1')
            """
        guard case .failure(let error) = try await control().attempt(sql, [settings.slot]) else { return }
        guard error.message.contains(Wal2JSONOptions.numbersAsStrings) else {
            throw error.failure(doing: "ask wal2json what it can do", at: target)
        }
        hidesSpecialNumbers = true
    }

    /// The server's refusal of the plugin itself; nil for any other error. The setting is known since the minor
    /// releases of 2026 and binds superusers too (tried on 15.20: 42501, `library "wal2json" may not be used …`).
    func pluginFailure(_ error: ServerError) -> Failure? {
        let plugin = settings.plugin.rawValue
        guard error.message.contains("\"\(plugin)\"") else { return nil }
        switch error.sqlState {
        case SQLState.insufficientPrivilege:
            return Failure(
                .configuration, "the source doesn't allow the output plugin \(plugin): \(error.safeMessage)",
                hint: "Add it to output_plugin_libraries: `wherry check` prints the statement (ALTER SYSTEM SET "
                    + "output_plugin_libraries = pgoutput, \(plugin); SELECT pg_reload_conf();).")
        case SQLState.undefinedFile:
            return Failure(
                .configuration, "the source doesn't have the output plugin \(plugin): \(error.safeMessage)",
                hint: "Install it on the server (Debian: postgresql-VERSION-wal2json), or set source.plugin to "
                    + "pgoutput.")
        default: return nil
        }
    }
}
