/// The queries of `sql/catalog`, embedded at build time. They take no parameters, so that psql runs each as it is; what
/// is asked for is picked from the answer.
enum CatalogQuery {
    static let columns = text(PackageResources.list_columns_sql)
    static let indexes = text(PackageResources.list_indexes_sql)
    static let publications = text(PackageResources.list_publications_sql)
    static let rowFilters = text(PackageResources.list_row_filters_sql)
    static let slots = text(PackageResources.list_slots_sql)
    static let load = text(PackageResources.server_load_sql)
    static let tables = text(PackageResources.list_tables_sql)
    static let transactions = text(PackageResources.list_transactions_sql)
    static let types = text(PackageResources.list_types_sql)
    static let workers = text(PackageResources.list_workers_sql)
    static let notCarried = text(PackageResources.list_not_carried_sql)
    static let facts = text(PackageResources.server_facts_sql)
    static let identity = text(PackageResources.server_identity_sql)
    static let position = text(PackageResources.server_position_sql)

    /// Such a query as the part of another one: a table in its FROM.
    static func part(_ query: String) -> String {
        let end = query.lastIndex(of: ";") ?? query.endIndex
        return "(\(query[..<end]))"
    }

    private static func text(_ bytes: [UInt8]) -> String { String(decoding: bytes, as: UTF8.self) }
}
