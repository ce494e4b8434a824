import Model

/// `pg_type` as it was read (`sql/catalog/list_types.sql`): resolves oids into types a codec can use.
struct TypeCatalog: Sendable {
    struct Entry: Sendable {
        let name: String
        /// `pg_type.typtype`.
        let kind: Character
        let baseOID: UInt32
        let elementOID: UInt32
        let delimiter: UInt8
        let isArray: Bool
        let isSendable: Bool
    }

    private let entries: [UInt32: Entry]

    init(_ result: QueryResult) {
        var entries: [UInt32: Entry] = [:]
        for row in result.records {
            guard let oid = row.oid("oid") else { continue }
            entries[oid] = Entry(
                name: row.text("name"), kind: row.text("kind").first ?? "b", baseOID: row.oid("base_oid") ?? 0,
                elementOID: row.oid("element_oid") ?? 0, delimiter: row.text("delimiter").utf8.first ?? 0x2C,
                isArray: row.bool("is_array"), isSendable: row.bool("is_sendable"))
        }
        self.entries = entries
    }

    func contains(_ oid: UInt32) -> Bool { entries[oid] != nil }

    /// A type that the catalogue doesn't know (it was dropped since) has the shape `.other`.
    func type(_ oid: UInt32) -> PostgresType { type(oid, depth: 0) }

    private func type(_ oid: UInt32, depth: Int) -> PostgresType {
        // Domains over arrays of domains end somewhere; a damaged catalogue need not.
        guard let entry = entries[oid], depth < 32 else {
            return PostgresType(oid: oid, name: "type \(oid)", shape: .other)
        }
        return PostgresType(oid: oid, name: entry.name, shape: shape(entry, depth: depth))
    }

    private func shape(_ entry: Entry, depth: Int) -> PostgresType.Shape {
        switch entry.kind {
        case "b" where entry.isArray:
            return .array(element: type(entry.elementOID, depth: depth + 1), delimiter: entry.delimiter)
        case "b": return .base
        case "e": return .enum
        case "d":
            let base = type(entry.baseOID, depth: depth + 1)
            if case .domain = base.shape { return base.shape }
            return .domain(base: base)
        default: return .other
        }
    }

    /// Whether the type itself has one; without, a binary stream carries text.
    func hasSendFunction(_ oid: UInt32) -> Bool { entries[oid]?.isSendable ?? false }

    /// Whether the server can send values of the type in binary: an array needs a send function of its elements too,
    /// or COPY and the slot fail with "no binary output function available".
    func isSendable(_ oid: UInt32) -> Bool {
        guard let entry = entries[oid], entry.isSendable else { return false }
        return switch type(oid).shape {
        case .array(let element, _): isSendable(element.oid)
        case .domain(let base): isSendable(base.oid)
        default: true
        }
    }
}
