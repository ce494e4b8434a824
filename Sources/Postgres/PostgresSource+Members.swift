import Model

/// Tables that join the publication of a running pipeline, and leave it.
extension PostgresSource {
    package func publishedTables() async throws -> Set<TableName> { Set(try await publication()?.tables ?? []) }

    package func publish(_ tables: [TableName]) async throws {
        guard let publication = try await publication(), !publication.isForAllTables else {
            return try await checkPublication()
        }
        let missing = Set(tables).subtracting(publication.tables).sorted()
        guard !missing.isEmpty else { return }
        let name = quoteIdentifier(settings.publication)
        let list = missing.map { "ONLY \($0.quoted)" }.joined(separator: ", ")
        var statements = ["ALTER PUBLICATION \(name) ADD TABLE \(list)"]
        let hasPartitioned = try await allTables().contains { $0.kind == .partitioned && missing.contains($0.name) }
        if hasPartitioned, !publication.isViaRoot {
            statements.insert("ALTER PUBLICATION \(name) SET (publish_via_partition_root = true)", at: 0)
        }
        try await alter(statements, owner: publication.owner)
    }

    package func unpublish(_ tables: [TableName]) async throws {
        guard let publication = try await publication(), !publication.isForAllTables else { return }
        let there = Set(tables).intersection(publication.tables).sorted()
        guard !there.isEmpty else { return }
        let list = there.map { "ONLY \($0.quoted)" }.joined(separator: ", ")
        try await alter(
            ["ALTER PUBLICATION \(quoteIdentifier(settings.publication)) DROP TABLE \(list)"], owner: publication.owner)
    }

    /// Each a transaction of its own.
    func alter(_ statements: [String], owner: String) async throws {
        // Nothing streams meanwhile: whoever holds a lock on a table is not waited for long.
        _ = try await control().attempt("SET lock_timeout = '5s'")
        let outcome = try await attempt(statements)
        _ = try await control().attempt("SET lock_timeout = 0")
        if let (done, error) = outcome {
            if error.sqlState == SQLState.lockNotAvailable {
                throw Failure(
                    .inUse,
                    "publication \(settings.publication) can't be altered: a table is locked by another session",
                    hint: "Index builds and VACUUM hold such locks; it is tried again at the next start of the stream.")
            }
            guard error.sqlState == SQLState.insufficientPrivilege else {
                throw error.failure(doing: "alter publication \(settings.publication)", at: target)
            }
            throw Failure(
                .denied, "the role may not alter publication \(settings.publication): \(error.safeMessage)",
                hint: "As \(owner) (who owns the tables too), or as a superuser, run: "
                    + "\(statements[done...].joined(separator: "; "));")
        }
    }

    /// What the plugin couldn't send of a table that joins: the stream of all the others would stop for it.
    private func pluginRefusals(of table: CatalogTable) -> [Finding] {
        guard settings.plugin == .wal2json else { return [] }
        return (table.kind == .partitioned ? [Wal2JSONLimits.partitioned(table)] : [])
            + (hidesSpecialNumbers ? [Wal2JSONLimits.numberInKey(table)?.asRefusal].compactMap { $0 } : [])
    }

    /// The first statement that fails, and why.
    private func attempt(_ statements: [String]) async throws -> (done: Int, error: ServerError)? {
        for (done, statement) in statements.enumerated() {
            guard case .failure(let error) = try await control().attempt(statement) else { continue }
            // Somebody else was faster.
            if error.sqlState == SQLState.duplicateObject || error.sqlState == SQLState.undefinedObject { continue }
            return (done, error)
        }
        return nil
    }

    /// Every table of every schema, with types that are read anew: one may have been altered.
    ///
    /// - Parameter isChosen: whether the configuration chooses a table.
    package func catalogue(isChosen: @Sendable (CatalogTable) -> Bool) async throws -> [CatalogueTable] {
        forgetTypes()
        let role = try await ask("SELECT current_user", doing: "ask for the role").scalar ?? ""
        return try await allTables().map { table in
            let findings = TableFindings(table: table, role: role, hasBegun: false).all + pluginRefusals(of: table)
            return CatalogueTable(
                table: SourceTable(schema: table.schema, primaryKey: table.primaryKey), shape: table.shape,
                refusal: findings.first { $0.severity == .error }, isChosen: isChosen(table))
        }
    }
}
