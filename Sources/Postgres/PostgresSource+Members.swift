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

    private func alter(_ statements: [String], owner: String) async throws {
        for (done, statement) in statements.enumerated() {
            guard case .failure(let error) = try await control().attempt(statement) else { continue }
            // Somebody else was faster.
            if error.sqlState == SQLState.duplicateObject || error.sqlState == SQLState.undefinedObject { continue }
            guard error.sqlState == SQLState.insufficientPrivilege else {
                throw error.failure(doing: "alter publication \(settings.publication)", at: target)
            }
            throw Failure(
                .denied, "the role may not alter publication \(settings.publication): \(error.safeMessage)",
                hint: "As \(owner) (who owns the tables too), or as a superuser, run: "
                    + "\(statements[done...].joined(separator: "; "));")
        }
    }

    /// Every table of every schema, with types that are read anew: one may have been altered.
    ///
    /// - Parameter isChosen: whether the configuration chooses a table.
    package func catalogue(isChosen: @Sendable (CatalogTable) -> Bool) async throws -> [CatalogueTable] {
        forgetTypes()
        let role = try await ask("SELECT current_user", doing: "ask for the role").scalar ?? ""
        return try await allTables().map { table in
            CatalogueTable(
                table: SourceTable(schema: table.schema, primaryKey: table.primaryKey), shape: table.shape,
                refusal: TableFindings(table: table, role: role, hasBegun: false).all.first { $0.severity == .error },
                isChosen: isChosen(table))
        }
    }
}
