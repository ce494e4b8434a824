/// One session that asks which keys of a table have no row; one owner. Everything throws `Failure` or
/// `CancellationError`.
package protocol KeyProbe: Sendable {
    /// In one REPEATABLE READ READ ONLY transaction the table is locked (ACCESS SHARE), then the snapshot is taken, and
    /// the keys are looked for under it.
    ///
    /// - Parameters:
    ///   - keys: whole keys, as in `KeyRange`.
    ///   - where: a condition that is decided by the key: keys that don't fulfil it count as not missing.
    /// - Throws: as `ChunkReader.start`.
    func missing(
        _ table: TableVersion, key: [String], keys: [[String]], where: String?
    ) async throws -> MissingKeys

    func close() async
}

/// What a `KeyProbe` has found.
package struct MissingKeys: Hashable, Sendable {
    package let snapshot: VisibilitySnapshot
    /// Places of the keys that have no row.
    package let missing: [Int]
    /// Places of those that are no value of the key's type: no row can have them.
    package let refused: [Int]

    package init(snapshot: VisibilitySnapshot, missing: [Int], refused: [Int]) {
        self.snapshot = snapshot
        self.missing = missing
        self.refused = refused
    }
}
