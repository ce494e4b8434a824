import Model

/// What wal2json can't do, as findings.
package enum Wal2JSONLimits {
    /// Its lines are in the database's encoding, whatever the client's is. (Of SQL_ASCII no plugin converts anything.)
    package static func encoding(_ encoding: String) -> Finding? {
        guard encoding != "UTF8", encoding != "SQL_ASCII" else { return nil }
        return Finding(
            .error, "wal2json_encoding", subject: "source",
            "the database's encoding is \(encoding), which wal2json doesn't convert to UTF-8",
            remedy: "Set source.plugin to pgoutput.")
    }

    /// It names partitions, and never the table they are part of.
    package static func partitioned(_ table: CatalogTable) -> Finding {
        Finding(
            .error, "wal2json_partitioned", subject: table.name.description,
            "\(table.name) is partitioned, and wal2json sends the changes of partitions as those of tables of their own",
            remedy:
                "Leave the table out (source.exclude); or begin with source.plugin: pgoutput, which a pipeline that "
                + "has begun can do after `wherry drop` only.")
    }

    /// Types whose values it prints as JSON numbers, which know no NaN and no infinity: float4, float8, numeric. (Those
    /// of domains over them it prints as strings.)
    static func hidesSpecialNumbers(_ column: Column) -> Bool { [700, 701, 1700].contains(column.type.oid) }

    /// A key that a wal2json before 2.6 can't tell; nil when it is of other types.
    static func numberInKey(_ table: CatalogTable) -> Finding? {
        let column = table.schema.columns.first { table.primaryKey.contains($0.name) && hidesSpecialNumbers($0) }
        return column.map { column in
            Finding(
                .warning, "wal2json_key", subject: table.name.description,
                "key column \(column.name) of table \(table.name) is \(column.type.name), and before 2.6 wal2json sends "
                    + "NaN and infinities as null: such a wal2json is refused",
                remedy:
                    "Install wal2json 2.6 or later on the source, or leave the table out (source.exclude); or begin with "
                    + "source.plugin: pgoutput, which a pipeline that has begun can do after `wherry drop` only.")
        }
    }

    /// A commit that waits for the pipeline can't be looked at by it.
    ///
    /// - Parameter names: the server's `synchronous_standby_names`: names, quoted or not, with `FIRST 2 (…)` around them.
    package static func synchronousStandby(_ names: String, application: String) -> Finding? {
        let parts = names.split(separator: "\"", omittingEmptySubsequences: false)
        let bare = parts.enumerated().filter { $0.offset % 2 == 0 }
            .flatMap { $0.element.split { " ,()\t\n".contains($0) } }
        let quoted = parts.enumerated().filter { $0.offset % 2 == 1 }.map(\.element)
        guard (bare + quoted).contains(where: { $0 == "*" || $0.lowercased() == application.lowercased() }) else {
            return nil
        }
        return Finding(
            .warning, "wal2json_synchronous", subject: "source",
            "synchronous_standby_names lets commits wait for the pipeline, which before wal2json 2.6 waits for those with "
                + "a null in a number: both would wait for ever, and the pipeline stops",
            remedy: "Take \(quoteIdentifier(application)) and * out of it: ALTER SYSTEM SET synchronous_standby_names "
                + "= …; SELECT pg_reload_conf();")
    }

    package static func specialNumbers(_ tables: [CatalogTable]) -> Finding? {
        let columns = tables.flatMap { table in
            table.schema.columns.filter(hidesSpecialNumbers).map { "\(table.name).\($0.name)" }
        }
        guard !columns.isEmpty else { return nil }
        let more = columns.count > 5 ? " and \(columns.count - 5) more" : ""
        return Finding(
            .info, "wal2json_numbers", subject: "source",
            "before 2.6 wal2json sends NaN and infinities as null: rows with a null in "
                + "\(columns.prefix(5).joined(separator: ", "))\(more) are looked at again by their key")
    }
}
