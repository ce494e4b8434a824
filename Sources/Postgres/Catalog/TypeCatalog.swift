import Model

/// `pg_type` as it was read (`sql/catalog/list_types.sql`): resolves oids into types a codec can use.
struct TypeCatalog: Sendable {
    struct Entry: Sendable {
        let name: String
        /// `pg_type.typtype`.
        let kind: Character
        let baseOID: UInt32
        /// Of a domain: what it says of its base type's length or precision; -1 without.
        let baseModifier: Int32
        let elementOID: UInt32
        let delimiter: UInt8
        let boundOID: UInt32
        let attributes: [(name: String, oid: UInt32)]
        let extended: ExtensionType?
        let isArray: Bool
        let isSendable: Bool
        /// Whether values are sent in binary that nobody can read.
        let isBrokenInBinary: Bool

        init(_ row: QueryResult.Record) {
            name = row.text("name")
            kind = row.text("kind").first ?? "b"
            baseOID = row.oid("base_oid") ?? 0
            baseModifier = Int32(clamping: row.int("base_modifier") ?? -1)
            elementOID = row.oid("element_oid") ?? 0
            delimiter = row.text("delimiter").utf8.first ?? 0x2C
            boundOID = row.oid("bound_oid") ?? 0
            attributes = row.text("attributes").split(separator: ",").compactMap { TypeCatalog.attribute($0) }
            extended = ExtensionType(rawValue: row.text("plain_name"))
                .flatMap { $0.provider == row["extension"] ? $0 : nil }
            isArray = row.bool("is_array")
            isSendable = row.bool("is_sendable")
            isBrokenInBinary = row.bool("is_broken_in_binary")
        }
    }

    private let entries: [UInt32: Entry]

    init(_ result: QueryResult) {
        var entries: [UInt32: Entry] = [:]
        for row in result.records {
            if let oid = row.oid("oid") { entries[oid] = Entry(row) }
        }
        self.entries = entries
    }

    /// `6964:23`: the name in hexadecimal, the type.
    private static func attribute(_ text: Substring) -> (name: String, oid: UInt32)? {
        let parts = text.split(separator: ":")
        guard parts.count == 2, let oid = UInt32(parts[1]) else { return nil }
        let digits = Array(parts[0])
        let bytes = stride(from: 0, to: digits.count - 1, by: 2).compactMap {
            UInt8(String(digits[$0...$0 + 1]), radix: 16)
        }
        return (String(decoding: bytes, as: UTF8.self), oid)
    }

    func contains(_ oid: UInt32) -> Bool { entries[oid] != nil }

    /// Whether all of the type is known. A table's row type has its attributes only once something is of that type.
    func isComplete(_ oid: UInt32) -> Bool { contains(oid) && isComplete(type(oid)) }

    private func isComplete(_ type: PostgresType) -> Bool {
        switch type.shape {
        case .array(let part, _), .domain(let part), .range(let part), .multirange(let part): isComplete(part)
        case .composite(let attributes): attributes.allSatisfy { isComplete($0.type) }
        case .base, .enum, .extended: true
        case .other: entries[type.oid]?.kind != "c"
        }
    }

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
        case "b": return entry.extended.map { .extended($0) } ?? .base
        case "e": return .enum
        case "d":
            let base = type(entry.baseOID, depth: depth + 1)
            if case .domain = base.shape { return base.shape }
            return .domain(base: base)
        case "c" where !entry.attributes.isEmpty:
            return .composite(
                entry.attributes.map {
                    PostgresType.Attribute(name: $0.name, type: type($0.oid, depth: depth + 1))
                })
        case "r": return .range(of: type(entry.boundOID, depth: depth + 1))
        case "m": return .multirange(of: type(entry.boundOID, depth: depth + 1))
        default: return .other
        }
    }

    /// What a domain says of the length or precision of its base type, an array of a domain of that of its elements;
    /// -1 where nothing is said. Only the innermost domain can (PostgreSQL source, `getBaseTypeAndTypmod`).
    func modifier(of oid: UInt32) -> Int32 {
        var (oid, modifier, depth) = (oid, Int32(-1), 0)
        while let entry = entries[oid], entry.kind == "d" || entry.isArray, depth < 32 {
            if entry.kind == "d" { modifier = entry.baseModifier }
            oid = entry.kind == "d" ? entry.baseOID : entry.elementOID
            depth += 1
        }
        return modifier
    }

    /// Whether the type itself has one; without, a binary stream carries text.
    func hasSendFunction(_ oid: UInt32) -> Bool { entries[oid]?.isSendable ?? false }

    /// Whether the server can send values of the type in binary: what has parts needs a send function of each too, or
    /// COPY and the slot fail with "no binary output function available".
    func isSendable(_ oid: UInt32) -> Bool { isSendable(type(oid)) }

    private func isSendable(_ type: PostgresType) -> Bool {
        guard let entry = entries[type.oid], entry.isSendable, !entry.isBrokenInBinary else { return false }
        return switch type.shape {
        case .array(let element, _): isSendable(element)
        case .domain(let base): isSendable(base)
        case .composite(let attributes): attributes.allSatisfy { isSendable($0.type) }
        case .range(let bound), .multirange(let bound): isSendable(bound)
        case .base, .enum, .extended, .other: true
        }
    }
}
