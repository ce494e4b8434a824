import BSON
import Mapping
import Model
import Postgres

/// The rows of one table for a preview, and what becomes of them.
struct PreviewRows {
    private let source: PostgresSource
    private let table: TableVersion
    private let key: [String]
    private let plan: MappingPlan
    private(set) var preview = Preview()

    /// Bytes read from the source at once.
    private static let readSize = 256 * 1024
    /// How many rows are looked at for those that 'where' takes, and how many of them at once.
    private static let (mostRows, chunkRows) = (100_000, 5000)

    /// - Parameter key: the primary key's columns.
    init(_ source: PostgresSource, _ schema: TableSchema, key: [String], plan: MappingPlan) {
        self.source = source
        table = TableVersion(schema: schema)
        self.key = key
        self.plan = plan
    }

    /// - Parameter keys: each as it was given, and its values.
    /// - Throws: `Failure(.usage)` for what is no key of this table.
    mutating func read(_ keys: [(text: String, values: [String])]) async throws {
        let found = try await lookFor(keys.map(\.values))
        if let place = found.refused.first {
            throw Failure(
                .usage, "'\(keys[place].text)' is no key of \(table.schema.name)",
                hint: "Its values are of these types: \(keyTypes). Write them as PostgreSQL prints them.")
        }
        let missing = Set(found.missing)
        preview.missing = missing.sorted().map { keys[$0].text }
        let reader = try await source.openChunkReader()
        do {
            for (place, asked) in keys.enumerated() where !missing.contains(place) {
                _ = try await reader.start(table, key: key, keys: [asked.values])
                while case let rows = try await reader.next(maxBytes: PreviewRows.readSize), !rows.isEmpty {
                    for row in rows where try !add(row, asked.text) { preview.leftOut.append(asked.text) }
                }
            }
            await reader.close()
        } catch {
            await reader.close()
            throw error
        }
    }

    /// The first rows that become documents; of a partitioned table those of its first leaves.
    mutating func readFirst(_ limit: Int) async throws {
        let reader = try await source.openChunkReader()
        do {
            for range in try await source.planSegments(table, key: key, where: nil) where hasRoom(limit) {
                try await readFirst(limit, in: range, reader)
            }
            await reader.close()
        } catch {
            await reader.close()
            throw error
        }
    }

    private mutating func readFirst(_ limit: Int, in range: KeyRange, _ reader: any ChunkReader) async throws {
        var range = range
        while hasRoom(limit) {
            // Of rows that all become documents no more are read than are shown.
            let size = preview.rowsRead == 0 ? limit : PreviewRows.chunkRows
            let chunk = try await reader.start(table, key: key, range: range, limit: size, where: nil)
            while case let rows = try await reader.next(maxBytes: PreviewRows.readSize), !rows.isEmpty {
                for row in rows {
                    guard hasRoom(limit) else { return }
                    preview.rowsRead += 1
                    _ = try add(row, nil)
                }
            }
            guard let end = chunk.end else { return }
            range.after = end
        }
    }

    /// Whether another row is to be looked at.
    private func hasRoom(_ limit: Int) -> Bool {
        preview.documents.count + preview.refusals.count < limit && preview.rowsRead < PreviewRows.mostRows
    }

    private func lookFor(_ keys: [[String]]) async throws -> MissingKeys {
        let probe = try await source.openKeyProbe()
        do {
            let found = try await probe.missing(table, key: key, keys: keys, where: nil)
            await probe.close()
            return found
        } catch {
            await probe.close()
            throw error
        }
    }

    /// - Returns: false for one that 'where' leaves out.
    private mutating func add(_ row: Row, _ name: String?) throws -> Bool {
        var writer = BSONWriter()
        do {
            guard try plan.takes(row) else { return false }
            let range = try plan.encodeDocument(row, into: &writer)
            preview.documents.append(try BSONDocument(validating: writer.bytes(in: range)))
        } catch let failure as Failure {
            preview.refusals.append(Preview.Refusal(key: name ?? keyText(of: row), failure: failure))
        }
        return true
    }

    private func keyText(of row: Row) -> String {
        var writer = BSONWriter()
        guard let range = try? plan.encodeKey(row, into: &writer),
            let id = (try? BSONDocument(validating: writer.bytes(in: range)))?["_id"],
            let values = plan.keyText(of: id)
        else { return "unknown" }
        return values.joined(separator: ",")
    }

    private var keyTypes: String {
        key.map { name in
            let type = table.schema.columns.first { $0.name == name }?.type.name
            return "\(name) \(type ?? "")"
        }.joined(separator: ", ")
    }
}
