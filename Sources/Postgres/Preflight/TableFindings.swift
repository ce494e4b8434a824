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
        return [key, identity, idColumn, select, rowSecurity, generated].compactMap { $0 }
    }

    private var subject: String { table.name.description }

    private func refused(_ reason: String) -> Finding {
        let code =
            switch (table.kind, table.persistence) {
            case (.partitioned, _): "partitioned_table"
            case (.foreign, _): "foreign_table"
            case (_, .unlogged): "unlogged_table"
            case _ where table.isPartition: "partition"
            case _ where table.hasDeferrableKey: "deferrable_key"
            default: "inherited_table"
            }
        let remedy =
            switch code {
            case "unlogged_table": "ALTER TABLE \(table.name.quoted) SET LOGGED; or \(leavingOut)."
            case "deferrable_key": "Make the key NOT DEFERRABLE, or \(leavingOut)."
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

    private var identity: Finding? {
        guard !table.primaryKey.isEmpty else { return nil }
        let identity = Set(table.schema.columns.filter(\.isIdentity).map(\.name))
        let missing = table.primaryKey.filter { !identity.contains($0) }
        let repair = "ALTER TABLE \(table.name.quoted) REPLICA IDENTITY "
        switch table.schema.replicaIdentity {
        case .nothing:
            return Finding(
                .error, "replica_identity", subject: subject,
                "\(table.name) has REPLICA IDENTITY NOTHING: its updates and deletes would fail once it is published",
                remedy: repair + "DEFAULT;")
        case .index where !missing.isEmpty:
            return Finding(
                .error, "replica_identity", subject: subject,
                "the replica identity of \(table.name) lacks \(missing.joined(separator: ", ")) of its primary key: a "
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

    private var select: Finding? {
        guard !table.isReadable else { return nil }
        return Finding(
            .error, "select_privilege", subject: subject, "the role \(role) may not read \(table.name)",
            remedy: "GRANT USAGE ON SCHEMA \(quoteIdentifier(table.name.schema)) TO \(quoteIdentifier(role)); "
                + "GRANT SELECT ON \(table.name.quoted) TO \(quoteIdentifier(role));", kind: .denied)
    }

    private var rowSecurity: Finding? {
        guard table.rowSecurity.isActive else { return nil }
        return Finding(
            .error, "row_level_security", subject: subject,
            "row-level security of \(table.name) hides rows from the role \(role)",
            remedy: "ALTER ROLE \(quoteIdentifier(role)) BYPASSRLS; or \(leavingOut).", kind: .denied)
    }

    private var generated: Finding? {
        guard !table.generatedColumns.isEmpty else { return nil }
        return Finding(
            .info, "generated_columns", subject: subject,
            "generated columns are not carried: \(table.generatedColumns.joined(separator: ", "))")
    }
}
