import Logging
import Model

/// wal2json names tables and has no numbers for them: what is known of the names that the publication's tables have had.
extension PostgresSource {
    /// A published table as the catalogue has it now.
    struct PublishedTable: Hashable, Sendable {
        let oid: UInt32
        let name: TableName
        let owner: String
        /// The transaction that gave the table its name, schema or owner, in 32 bits.
        let namedBy: String
        /// Whether it has had another name, or may have had, in what the slot still brings.
        let isRenamed: Bool
        /// The same of its schema.
        let isSchemaRenamed: Bool
        /// Numbers of its generated columns, and of the others.
        let generated: Set<String>
        let plain: Set<String>

        init(_ row: QueryResult.Record) {
            oid = row.oid("oid") ?? 0
            name = TableName(schema: row.text("schema_name"), name: row.text("table_name"))
            owner = row.text("owner")
            namedBy = row.text("named_by")
            isRenamed = row.bool("is_renamed")
            isSchemaRenamed = row.bool("is_schema_renamed")
            generated = Set(row.text("generated").split(separator: ",").map(String.init))
            plain = Set(row.text("plain").split(separator: ",").map(String.init))
        }
    }

    /// A table's row type is written by what changes name, schema or owner and by nothing else (not by TRUNCATE, ALTER
    /// COLUMN or VACUUM FULL), its system columns by nothing at all since they were made. Every transaction before the
    /// slot's catalog_xmin had ended before the position that the slot has confirmed (PostgreSQL documentation,
    /// pg_replication_slots).
    private static let publishedTables = """
        SELECT c.oid,
               n.nspname AS schema_name,
               c.relname AS table_name,
               t.typowner AS owner,
               t.xmin AS named_by,
               t.xmin <> a.xmin
                   AND pg_catalog.age(t.xmin) BETWEEN 0 AND pg_catalog.age(s.catalog_xmin) AS is_renamed,
               pg_catalog.age(n.xmin) BETWEEN 0 AND pg_catalog.age(s.catalog_xmin) AS is_schema_renamed,
               k.generated,
               k.plain
          FROM \(CatalogQuery.part(CatalogQuery.publications)) AS m
          JOIN pg_catalog.pg_class c ON c.oid = m.table_oid
          JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
          JOIN pg_catalog.pg_type t ON t.oid = c.reltype
          JOIN pg_catalog.pg_attribute a ON a.attrelid = c.oid AND a.attnum = -1
          LEFT JOIN pg_catalog.pg_replication_slots s ON s.slot_name = $2
         CROSS JOIN LATERAL (
               SELECT pg_catalog.string_agg(b.attnum::pg_catalog.text, ',') FILTER (WHERE b.attgenerated <> '')
                          AS generated,
                      pg_catalog.string_agg(b.attnum::pg_catalog.text, ',') FILTER (WHERE b.attgenerated = '') AS plain
                 FROM pg_catalog.pg_attribute b
                WHERE b.attrelid = c.oid AND b.attnum > 0 AND NOT b.attisdropped) AS k
         WHERE m.pubname = $1
         ORDER BY n.nspname, c.relname
        """

    func readPublishedTables() async throws -> [PublishedTable] {
        try await ask(
            Self.publishedTables, [settings.publication, settings.slot], doing: "read the names of the published tables"
        ).records.map { PublishedTable($0) }
    }

    /// Whether a name that is not one of the pipeline's tables can't be another name of one: a line says nothing more.
    ///
    /// - Throws: `Failure` of kind `.dataGap` when it may be.
    func requireOther(_ name: TableName) async throws {
        guard settings.plugin == .wal2json else { return }
        let suspect = try await readPublishedTables().first {
            $0.isRenamed || ($0.isSchemaRenamed && $0.name.name == name.name)
        }
        guard let suspect, suspect.name != name else { return }
        throw Failure(
            .dataGap,
            "a change of table \(name), which is not in the pipeline, may be one of \(suspect.name), which was renamed "
                + "meanwhile",
            hint: "wal2json says nothing of a table but its name. \(Failure.acceptGap)")
    }

    /// Looks whether something has happened since it last looked, or the stream began, that lines leave out: other
    /// tables are filtered by the names they had then, and generated columns aren't told from others.
    ///
    /// - Throws: `Failure` of kind `.dataGap`.
    func requireNamesKept() async throws {
        guard settings.plugin == .wal2json, !publishedTables.isEmpty else { return }
        let published = try await readPublishedTables()
        for table in published {
            guard let before = publishedTables[table.oid] else { continue }
            // A new owner is no new name.
            if before.name != table.name || (before.namedBy != table.namedBy && before.owner == table.owner) {
                let renamed = before.name == table.name ? "renamed for a while" : "renamed to \(table.name)"
                throw Failure(
                    .dataGap, "table \(before.name) was \(renamed): its changes under another name may be left out",
                    hint: "wal2json filters tables by name. Give the table its name back. \(Failure.acceptGap)")
            }
            guard before.generated.isDisjoint(with: table.plain) else {
                throw Failure(
                    .dataGap,
                    "a column of table \(table.name) is no longer generated, and what was written since lacks it",
                    hint: "wal2json doesn't tell. Start `wherry run` again, and have the table read with "
                        + "`wherry backfill \(table.name)`.")
            }
        }
        note(published)
    }

    private func note(_ published: [PublishedTable]) {
        publishedTables = Dictionary(published.map { ($0.oid, $0) }, uniquingKeysWith: { first, _ in first })
    }

    /// The tables whose lines aren't wanted: all but the publication's; none while a published one may show up under
    /// one of their names.
    func excludedTables() async throws -> [TableName] {
        let published = try await readPublishedTables()
        note(published)
        if let renamed = published.first(where: { $0.isRenamed || $0.isSchemaRenamed }) {
            logger.notice(
                "wal2json sends the changes of all tables: a published one may have had another name",
                metadata: ["table": "\(renamed.name)"])
            return []
        }
        let sql = """
            SELECT n.nspname AS schema_name, c.relname AS table_name
              FROM pg_catalog.pg_class c
              JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
             WHERE c.relkind = 'r' AND n.nspname <> 'information_schema' AND n.nspname !~ '^pg_'
               AND NOT EXISTS (
                   SELECT FROM \(CatalogQuery.part(CatalogQuery.publications)) AS m
                    WHERE m.pubname = $1 AND m.table_oid = c.oid)
             ORDER BY 1, 2
            """
        return try await ask(sql, [settings.publication], doing: "read the tables that are not published").records.map {
            TableName(schema: $0.text("schema_name"), name: $0.text("table_name"))
        }
    }
}
