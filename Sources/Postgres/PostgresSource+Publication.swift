import Model

/// The pipeline's publication: exactly its tables, all four operations.
extension PostgresSource {
    /// A publication as the catalogue shows it.
    struct Publication: Sendable {
        let owner: String
        let isForAllTables: Bool
        /// Operations it doesn't publish, of insert, update, delete, truncate.
        let missingOperations: [String]
        /// Changes of partitions come as those of the table they are part of.
        let isViaRoot: Bool
        /// A partitioned table is one of them whether it is published as one or not.
        let tables: [TableName]
        let hasPartitioned: Bool
        /// Whether it has a row filter, Wherry's or another.
        let hasRowFilter: Bool
        /// Tables with a filter that asks for columns outside of the replica identity: the server refuses to update them.
        let unchangeable: [TableName]
        /// It leaves columns out: the copy would have them and the stream not.
        let hasColumnList: Bool
    }

    /// nil when there is none of the pipeline's name.
    func publication() async throws -> Publication? {
        let rows = try await ask(CatalogQuery.publications, doing: "read the publications").records
            .filter { $0["pubname"] == settings.publication }
        guard let first = rows.first else { return nil }
        let operations = [
            ("insert", "pubinsert"), ("update", "pubupdate"), ("delete", "pubdelete"), ("truncate", "pubtruncate"),
        ]
        return Publication(
            owner: first.text("owner"), isForAllTables: first.bool("is_for_all_tables"),
            missingOperations: operations.filter { !first.bool($0.1) }.map(\.0),
            isViaRoot: first.bool("is_via_root"),
            tables: rows.filter { $0["table_name"] != nil }.map(name),
            hasPartitioned: rows.contains { $0.bool("is_partitioned") },
            hasRowFilter: rows.contains { $0.bool("has_row_filter") },
            unchangeable: rows.filter { $0.bool("is_filter_outside_identity") }.map(name),
            hasColumnList: rows.contains { $0.bool("has_column_list") })
    }

    nonisolated func name(_ row: QueryResult.Record) -> TableName {
        TableName(schema: row.text("schema_name"), name: row.text("table_name"))
    }

    /// The statement that makes the publication.
    nonisolated func createPublicationStatement(_ tables: [TableName], hasPartitioned: Bool) -> String {
        "CREATE PUBLICATION \(quoteIdentifier(settings.publication)) FOR TABLE "
            + tables.sorted().map { "ONLY \($0.quoted)" }.joined(separator: ", ")
            + " WITH (publish = 'insert, update, delete, truncate'"
            + (hasPartitioned ? ", publish_via_partition_root = true)" : ")")
    }

    /// The statements that would make an existing publication right, and what is wrong with it; nil when nothing is.
    nonisolated func publicationRepair(
        _ publication: Publication, _ tables: [TableName], hasPartitioned: Bool, hasForeignFilter: Bool
    ) -> (problem: String, statements: String)? {
        let name = quoteIdentifier(settings.publication)
        if publication.isForAllTables {
            let statement = createPublicationStatement(tables, hasPartitioned: hasPartitioned)
            return ("it is FOR ALL TABLES", "DROP PUBLICATION \(name); \(statement)")
        }
        var problems: [String] = []
        var statements: [String] = []
        if !publication.missingOperations.isEmpty {
            problems.append("it doesn't publish \(publication.missingOperations.joined(separator: ", "))")
            statements.append("ALTER PUBLICATION \(name) SET (publish = 'insert, update, delete, truncate')")
        }
        if hasPartitioned, !publication.isViaRoot {
            problems.append("it publishes partitions as tables of their own")
            statements.append("ALTER PUBLICATION \(name) SET (publish_via_partition_root = true)")
        }
        let missing = Set(tables).subtracting(publication.tables).sorted()
        let extra = Set(publication.tables).subtracting(tables).sorted()
        if !missing.isEmpty { problems.append("it lacks \(missing.map(\.description).joined(separator: ", "))") }
        if !extra.isEmpty { problems.append("it has \(extra.map(\.description).joined(separator: ", ")) too") }
        if hasForeignFilter { problems.append("it filters rows") }
        if publication.hasColumnList { problems.append("it lists columns") }
        if !missing.isEmpty || !extra.isEmpty || hasForeignFilter || publication.hasColumnList {
            let list = tables.sorted().map { "ONLY \($0.quoted)" }.joined(separator: ", ")
            statements.append("ALTER PUBLICATION \(name) SET TABLE \(list)")
        }
        return problems.isEmpty ? nil : (problems.joined(separator: "; "), statements.joined(separator: "; "))
    }

    /// Creates the publication, or checks that the existing one has exactly these tables and every operation.
    ///
    /// - Throws: `Failure` of kind `.configuration` with the ALTER statement when it differs; `.denied` with the CREATE
    ///   statement when the role may not make it.
    package func ensurePublication(tables: [TableName]) async throws {
        guard !tables.isEmpty else {
            throw Failure(
                .configuration, "there is no table to publish",
                hint: "Choose schemas with tables that have a primary key.")
        }
        try await requirePluginFits(tables)
        let hasPartitioned = try await allTables().contains { $0.kind == .partitioned && tables.contains($0.name) }
        if let existing = try await publication() {
            let repair = publicationRepair(
                existing, tables, hasPartitioned: hasPartitioned,
                hasForeignFilter: try await hasForeignFilter(existing))
            guard let repair else { return }
            throw Failure(
                .configuration, "publication \(settings.publication) doesn't fit: \(repair.problem)",
                hint: "As \(existing.owner) run: \(repair.statements);")
        }
        let statement = createPublicationStatement(tables, hasPartitioned: hasPartitioned)
        guard case .failure(let error) = try await control().attempt(statement) else { return }
        guard error.sqlState == SQLState.insufficientPrivilege else {
            throw error.failure(doing: "create publication \(settings.publication)", at: target)
        }
        throw Failure(
            .denied, "the role may not create publication \(settings.publication): \(error.safeMessage)",
            hint: "Ask an owner of the tables, or a superuser, to run: \(statement);")
    }

    /// Before the stream starts: a publication that was changed since the copy leaves changes out without a word.
    ///
    /// - Throws: `Failure` of kind `.configuration` with the statement that mends it; `.dataGap` when it is gone.
    func checkPublication() async throws {
        guard let existing = try await publication() else {
            throw Failure(
                .dataGap, "publication \(settings.publication) doesn't exist any more",
                hint: "Changes made since it was dropped can't be read from the slot. \(Failure.acceptGap)")
        }
        try await requirePluginFits(existing.tables)
        let repair = publicationRepair(
            existing, existing.tables, hasPartitioned: existing.hasPartitioned,
            hasForeignFilter: try await hasForeignFilter(existing))
        guard let repair else { return }
        throw Failure(
            .configuration, "publication \(settings.publication) doesn't fit: \(repair.problem)",
            hint:
                "As \(existing.owner) run: \(repair.statements); What it left out meanwhile is missing in the target: "
                + "if there were changes, read the tables again with `wherry backfill`.")
    }

    package func requirePublished(_ tables: [TableName]) async throws {
        guard let publication = try await publication() else { return try await checkPublication() }
        try await requireNamesKept()
        let unpublished = Set(tables).subtracting(publication.tables)
        guard !unpublished.isEmpty else { return }
        // A table that was dropped or renamed is not in the publication under its name either.
        let lost = try await allTables().map(\.name).filter { unpublished.contains($0) }.sorted()
        guard !lost.isEmpty else { return }
        throw Failure(
            .dataGap,
            "publication \(settings.publication) doesn't have \(lost.map(\.description).joined(separator: ", ")) any "
                + "more: changes made since are not in the stream",
            hint: "What the target holds of them may be stale. Add them again (ALTER PUBLICATION … ADD TABLE ONLY …), "
                + "then `wherry backfill` each and start `wherry run`. (Before PostgreSQL 14: `wherry drop`, and run it "
                + "again.)")
    }

    /// Drops the publication.
    ///
    /// - Returns: whether there was one.
    @discardableResult
    package func dropPublication() async throws -> Bool {
        guard try await publication() != nil else { return false }
        _ = try await ask(
            "DROP PUBLICATION IF EXISTS \(quoteIdentifier(settings.publication))",
            doing: "drop publication \(settings.publication)")
        return true
    }

    package func requireUnpublished(_ table: TableSchema) async throws -> TableName? {
        if let root = try await publishedRoot(of: table) { return root }
        try await requireOther(table.name)
        guard let publication = try await publication() else { return nil }
        let now = try await allTables().first { $0.schema.oid == table.oid }?.name
        if let now, now != table.name, publication.tables.contains(now) {
            throw Failure(
                .dataGap, "a change was made while table \(now) was called \(table.name), which is not in the pipeline",
                hint: Failure.acceptGap)
        }
        guard publication.isForAllTables || publication.tables.contains(table.name) else { return nil }
        let name = quoteIdentifier(settings.publication)
        throw Failure(
            .configuration,
            "table \(table.name) is in publication \(settings.publication) but not in the pipeline",
            hint:
                "To replicate it: `wherry tables add \(table.name)`, then start again. If somebody only published it, run: "
                + "ALTER PUBLICATION \(name) DROP TABLE \(table.name.quoted);")
    }

    /// The published table that this one is a partition of. The server announces each partition beside its root
    /// (pgoutput, maybe_send_schema), so that it is asked for every one of them: one small query.
    private func publishedRoot(of table: TableSchema) async throws -> TableName? {
        let sql = """
            SELECT n.nspname AS schema_name, c.relname AS table_name
              FROM pg_catalog.pg_partition_ancestors($1::pg_catalog.oid) WITH ORDINALITY AS a (relid, depth)
              JOIN pg_catalog.pg_publication_rel r ON r.prrelid = a.relid
              JOIN pg_catalog.pg_publication p ON p.oid = r.prpubid AND p.pubname = $2
              JOIN pg_catalog.pg_class c ON c.oid = a.relid
              JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
             WHERE a.relid <> $1::pg_catalog.oid
             ORDER BY a.depth DESC LIMIT 1
            """
        let answer = try await ask(sql, ["\(table.oid)", settings.publication], doing: "look for a partition's root")
        return answer.records.first.map { TableName(schema: $0.text("schema_name"), name: $0.text("table_name")) }
    }
}
