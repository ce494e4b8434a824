import Model

/// What has to be said of a table: at most one error for its nature, then everything else at once.
struct TableFindings {
    let table: CatalogTable
    /// For GRANT statements.
    let role: String
    /// Then the tables are decided: the configuration takes none of them out.
    let hasBegun: Bool

    private var leavingOut: String {
        hasBegun
            ? "remove the pipeline with `wherry drop` and start anew without it"
            : "leave it out (source.exclude)"
    }

    var all: [Finding] {
        if let refusal = table.refusal { return [refused(refusal)] }
        return [key, identity(of: table), idColumn, select, rowSecurity, generated, partitions].compactMap { $0 }
            + table.leaves.compactMap { identity(of: $0) ?? wholeRows(of: $0) }
    }

    private var subject: String { table.name.description }

    private func refused(_ reason: String) -> Finding {
        let code =
            switch (table.kind, table.persistence) {
            case (.foreign, _): "foreign_table"
            case (_, .unlogged): "unlogged_table"
            case _ where table.isPartition: "partition"
            case _ where table.hasDeferrableKey: "deferrable_key"
            case (.partitioned, _): "partitioned_table"
            default: "inherited_table"
            }
        let remedy =
            switch code {
            case "unlogged_table": "ALTER TABLE \(table.name.quoted) SET LOGGED; or \(leavingOut)."
            case "deferrable_key": "Make the key NOT DEFERRABLE, or \(leavingOut)."
            case "partition":
                "A partitioned table is carried as one, with all of its partitions: name \(table.root?.description ?? "it"), "
                    + "or leave that out."
            case "partitioned_table": "Detach that partition, or \(leavingOut)."
            default: "This version doesn't carry it: \(leavingOut)."
            }
        return Finding(.error, code, subject: subject, "\(table.name) is \(reason)", remedy: remedy)
    }

    private var key: Finding? {
        guard table.primaryKey.isEmpty else { return nil }
        return Finding(
            .error, "table_without_key", subject: subject, "\(table.name) has no primary key",
            remedy: "ALTER TABLE \(table.name.quoted) ADD PRIMARY KEY (…); or \(leavingOut).")
    }

    /// Of a partition its own counts for what is logged of its rows, and the root's for what they are sent as.
    private func identity(of part: CatalogTable) -> Finding? {
        guard !table.primaryKey.isEmpty else { return nil }
        let identity = Set(part.schema.columns.filter(\.isIdentity).map(\.name))
        let missing = table.primaryKey.filter { !identity.contains($0) }
        let repair = "ALTER TABLE \(part.name.quoted) REPLICA IDENTITY "
        switch part.schema.replicaIdentity {
        case .nothing:
            return Finding(
                .error, "replica_identity", subject: part.name.description,
                "\(part.name) has REPLICA IDENTITY NOTHING: its updates and deletes would fail once it is published",
                remedy: repair + "DEFAULT;")
        case .index where !missing.isEmpty:
            return Finding(
                .error, "replica_identity", subject: part.name.description,
                "the replica identity of \(part.name) lacks \(missing.joined(separator: ", ")) of its primary key: a "
                    + "change of the key would be invisible",
                remedy: repair + "DEFAULT;")
        default: return nil
        }
    }

    private var idColumn: Finding? {
        guard table.schema.columns.contains(where: { $0.name == "_id" }), !table.primaryKey.contains("_id") else {
            return nil
        }
        return Finding(
            .error, "column_named_id", subject: "\(subject)._id",
            "\(table.name) has a column _id that is not its key: documents have their own _id",
            remedy: "Rename the column, or \(leavingOut).")
    }

    /// The server sends an old row as whole when the root's identity is FULL, also one of which the partition's own has
    /// logged the key alone (pgoutput up to 18, `logicalrep_write_update`): its other columns would be taken for nulls.
    private func wholeRows(of leaf: CatalogTable) -> Finding? {
        guard table.schema.replicaIdentity == .full, leaf.schema.replicaIdentity != .full else { return nil }
        return Finding(
            .error, "replica_identity", subject: leaf.name.description,
            "\(table.name) has REPLICA IDENTITY FULL and its partition \(leaf.name) has not: old rows of that would be "
                + "sent as whole, and hold the key alone",
            remedy: "ALTER TABLE \(leaf.name.quoted) REPLICA IDENTITY FULL; or ALTER TABLE \(table.name.quoted) "
                + "REPLICA IDENTITY DEFAULT;")
    }

    /// What is read of a partitioned table is read from its leaves.
    private var heaps: [CatalogTable] { [table] + table.leaves }

    private func list(_ tables: [CatalogTable]) -> String { tables.map(\.name.description).listed }

    private var select: Finding? {
        let unreadable = heaps.filter { !$0.isReadable }
        guard !unreadable.isEmpty else { return nil }
        let grantee = quoteIdentifier(role)
        let schemas = Set(unreadable.map(\.name.schema)).sorted().map(quoteIdentifier)
        return Finding(
            .error, "select_privilege", subject: subject, "the role \(role) may not read \(list(unreadable))",
            remedy: "GRANT USAGE ON SCHEMA \(schemas.joined(separator: ", ")) TO \(grantee); GRANT SELECT ON "
                + "\(unreadable.map(\.name.quoted).joined(separator: ", ")) TO \(grantee);", kind: .denied)
    }

    private var rowSecurity: Finding? {
        let filtered = heaps.filter(\.rowSecurity.isActive)
        guard !filtered.isEmpty else { return nil }
        return Finding(
            .error, "row_level_security", subject: subject,
            "row-level security of \(list(filtered)) hides rows from the role \(role)",
            remedy: "ALTER ROLE \(quoteIdentifier(role)) BYPASSRLS; or \(leavingOut).", kind: .denied)
    }

    private var partitions: Finding? {
        guard table.kind == .partitioned else { return nil }
        let count = table.leaves.count
        return Finding(
            .info, "partitioned_table", subject: subject,
            "\(table.name) is carried as one collection, with \(count == 1 ? "its partition" : "its \(count) partitions"); "
                + "TRUNCATE, DETACH and DROP of a single partition are not in the stream, nor are the rows that one "
                + "attached later has already; `wherry backfill` mends that")
    }

    private var generated: Finding? {
        guard !table.generatedColumns.isEmpty else { return nil }
        return Finding(
            .info, "generated_columns", subject: subject,
            "generated columns are not carried: \(table.generatedColumns.joined(separator: ", "))")
    }
}
