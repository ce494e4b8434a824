import Mapping
import Model

/// The tables whose rows are read again, by the parts of collections that they have. Those that no backfill is about are
/// looked up in the catalogue when the first of their rows is read.
actor RereadTables {
    /// By collection.
    private var tables: [String: [BackfillTable]]
    private let lookUp: @Sendable (_ reread: Reread) async throws -> BackfillTable?

    init(_ tables: [BackfillTable], lookUp: @escaping @Sendable (_ reread: Reread) async throws -> BackfillTable?) {
        self.tables = Dictionary(grouping: tables, by: \.plan.collection)
        self.lookUp = lookUp
    }

    /// The rows by their tables; nil for those of tables that are gone.
    ///
    /// - Parameter rereads: of one collection.
    /// - Throws: `Failure(.configuration)` for a table that can't be replicated any more.
    func byTable(_ rereads: [Reread]) async throws -> [(table: BackfillTable?, rows: [Reread])] {
        var groups: [(table: BackfillTable, rows: [Reread])] = []
        var gone: [Reread] = []
        for reread in rereads {
            if let index = groups.firstIndex(where: { $0.table.plan.part.contains(reread) }) {
                groups[index].rows.append(reread)
            } else if let table = try await table(of: reread) {
                groups.append((table, [reread]))
            } else {
                gone.append(reread)
            }
        }
        return groups + (gone.isEmpty ? [] : [(nil, gone)])
    }

    private func table(of reread: Reread) async throws -> BackfillTable? {
        let known = tables[reread.collection]?.first { $0.plan.part.contains(reread) }
        if let known { return known }
        guard let found = try await lookUp(reread) else { return nil }
        tables[reread.collection, default: []].append(found)
        return found
    }
}
