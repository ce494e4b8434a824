import Model

/// Tables that the stream announces and the pipeline doesn't have: somebody had published them for a while, and has
/// taken them out again; or they are partitions, which the server announces although their changes come as their
/// root's.
struct Strangers {
    private struct Stranger {
        let version: TableVersion
        /// The published table it is a partition of.
        let root: TableName?
    }

    /// The newest version of each, by oid.
    private var tables: [UInt32: Stranger] = [:]

    mutating func add(_ version: TableVersion, root: TableName?) {
        tables[version.schema.oid] = Stranger(version: version, root: root)
    }

    /// What of a change concerns the pipeline's own tables; nil when nothing does.
    ///
    /// - Throws: `Failure(.dataGap)` for a change of a partition under its own name.
    func leaveOut(of change: Change) throws -> Change? {
        guard !tables.isEmpty else { return change }
        switch change {
        case .insert(let table, _), .update(let table, _, _), .delete(let table, _):
            return try has(table) ? nil : change
        case .truncate(let tables):
            let known = try tables.filter { try !has($0) }
            return known.isEmpty ? nil : .truncate(known)
        }
    }

    private func has(_ table: TableVersion) throws -> Bool {
        guard let stranger = tables[table.schema.oid], stranger.version === table else { return false }
        guard let root = stranger.root else { return true }
        throw Failure(
            .dataGap,
            "a change of partition \(table.schema.name) was published under its own name, not as one of \(root)",
            hint: "publish_via_partition_root of the publication was false then. Set it to true (ALTER PUBLICATION … "
                + "SET (publish_via_partition_root = true)), then `wherry run --accept-gap` reads every table again.")
    }
}
