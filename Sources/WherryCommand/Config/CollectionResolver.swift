import Model

/// Checks the section `collections` and turns it around: which collections each table has. Every error is a `Failure` of kind
/// `.configuration` that names the key.
struct CollectionResolver: Sendable {
    /// By the name of the entry.
    let collections: [String: ConfiguredCollection]
    /// Where they were given: the file's name.
    let file: String
    private let mappings: MappingResolver

    /// nil when there is no such section.
    init?(_ given: Given<[String: ConfiguredCollection]>?, mappings: MappingResolver) {
        guard let given else { return nil }
        (collections, file) = (given.value, given.origin)
        self.mappings = mappings
    }

    func settings() throws -> [TableName: [CollectionSettings]] {
        guard !collections.isEmpty else {
            throw Failure(
                .configuration, "'collections' in \(file) names no table",
                hint: "Leave the section out to replicate every table of the schemas.")
        }
        var settings: [TableName: [CollectionSettings]] = [:]
        var entries: [(name: String, settings: CollectionSettings)] = []
        /// By table and collection, the names of the entries.
        var names: [Route: String] = [:]
        for (name, entry) in collections.sorted(by: { $0.key < $1.key }) {
            let table = try table(of: entry, name)
            let own = try self.settings(of: entry, name)
            if let other = names.updateValue(name, forKey: Route(table, into: own.collection)) {
                throw Failure(
                    .configuration,
                    "'collections.\(name)' in \(file) brings table \(table) into collection \(own.collection), as "
                        + "'collections.\(other)' does already",
                    hint: "A collection has a row once: remove one of the two, or give it another collection.")
            }
            settings[table, default: []].append(own)
            entries.append((name, own))
        }
        for (collection, sharing) in Dictionary(grouping: entries, by: \.settings.collection) {
            try SharedCollection(file: file, collection: collection, entries: sharing.sorted { $0.name < $1.name })
                .check()
        }
        return settings
    }

    private func settings(of entry: ConfiguredCollection, _ name: String) throws -> CollectionSettings {
        let collection = entry.into ?? name
        if let problem = NameRules.collectionProblem(collection) {
            throw Failure(
                .configuration, "'collections' in \(file) has a collection whose name \(problem): '\(collection)'",
                hint: "Call it something else.")
        }
        let guarding = try lastModified(of: entry, name)
        var mapping = try mappings.mapping(entry, at: "collections.\(name)")
        // Documents are compared by it: it stays a date.
        if let guarding, mapping.policies.timestamp != .date, mapping.types[guarding.column] == nil,
            mapping.columnPolicies[guarding.column]?.timestamp == nil
        {
            mapping.types[guarding.column] = .date
        }
        return CollectionSettings(
            collection: collection, lastModified: guarding, mapping: mapping,
            indexes: try IndexResolver(file: file, path: "collections.\(name)").indexes(entry.indexes))
    }

    private func table(of entry: ConfiguredCollection, _ name: String) throws -> TableName {
        guard let text = entry.from else {
            throw Failure(
                .configuration, "'collections.\(name)' in \(file) has no 'from'",
                hint: "It names the table: from: public.orders.")
        }
        guard let table = TableNameText.parse(text) else {
            throw Failure(
                .configuration, "'collections.\(name).from' in \(file) is '\(text)', which is no schema.table",
                hint: "Write public.orders, or \"my.schema\".\"my.table\" where a name holds a dot.")
        }
        return table
    }

    private func lastModified(of entry: ConfiguredCollection, _ name: String) throws -> LastModified? {
        let isDualWritten = entry.dualWrite ?? false
        guard let column = entry.lastModified else {
            guard isDualWritten else { return nil }
            throw Failure(
                .configuration, "'collections.\(name).dual_write' in \(file) needs 'last_modified' beside it",
                hint: "Without the column that says when a row was last written nobody can tell which of two writes is "
                    + "newer; sql/30_last_modified.sql adds one.")
        }
        try NameRules.checkIdentifier(column, what: "'collections.\(name).last_modified' in \(file)")
        return LastModified(column: column, isDualWritten: isDualWritten)
    }
}
