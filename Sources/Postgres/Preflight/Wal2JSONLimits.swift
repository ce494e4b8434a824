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
            remedy: "Set source.plugin to pgoutput, or leave the table out (source.exclude).")
    }

    /// Types whose values it prints as JSON numbers, which know no NaN and no infinity: float4, float8, numeric. (Those
    /// of domains over them it prints as strings.)
    static func hidesSpecialNumbers(_ column: Column) -> Bool { [700, 701, 1700].contains(column.type.oid) }

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
