/// One entry of `collections` in `wherry.yaml`: what becomes of one table. The key it stands under is the collection.
struct ConfiguredCollection: Decodable, Sendable, Equatable {
    /// The table, as `schema.table`.
    var from: String?
    /// The column that says when a row was last written: documents that are newer are kept.
    var lastModified: String?
    /// Whether an application writes into the collection itself. Default: false.
    var dualWrite: Bool?

    enum CodingKeys: String, CodingKey, CaseIterable {
        case from
        case lastModified = "last_modified"
        case dualWrite = "dual_write"
    }
}
