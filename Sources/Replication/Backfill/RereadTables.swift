import Mapping
import Model

/// The tables whose rows are read again, by collection. Those that no backfill is about are looked up in the catalogue
/// when the first of their rows is read.
actor RereadTables {
    private var tables: [String: BackfillTable]
    private let lookUp: @Sendable (_ collection: String) async throws -> BackfillTable?

    init(
        _ tables: [BackfillTable], lookUp: @escaping @Sendable (_ collection: String) async throws -> BackfillTable?
    ) {
        self.tables = Dictionary(tables.map { ($0.plan.collection, $0) }, uniquingKeysWith: { first, _ in first })
        self.lookUp = lookUp
    }

    /// - Returns: nil for a table that is gone.
    /// - Throws: `Failure(.configuration)` for one that can't be replicated any more.
    func table(of collection: String) async throws -> BackfillTable? {
        if let known = tables[collection] { return known }
        let found = try await lookUp(collection)
        tables[collection] = found
        return found
    }
}
