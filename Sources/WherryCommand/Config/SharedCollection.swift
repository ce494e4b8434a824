import Foundation
import Mapping
import Model

/// Checks the entries of `collections` that go into one collection. Every error is a `Failure` of kind `.configuration`
/// that names the key.
struct SharedCollection: Sendable {
    /// Where they were given: the file's name.
    let file: String
    let collection: String
    /// By the name of the entry, at least one.
    let entries: [(name: String, settings: CollectionSettings)]

    func check() throws(Failure) {
        guard let first = entries.first else { return }
        var values: [String: String] = [:]
        for (name, settings) in entries where entries.count > 1 {
            guard let constant = settings.mapping.discriminator else {
                throw failure(
                    name, first.name == name ? entries[1].name : first.name, "has no 'discriminator'",
                    hint:
                        "It tells the documents of one table from those of the others, in _id too. Write, for each with "
                        + "another value: discriminator: { kind: customer }.")
            }
            if let field = first.settings.mapping.discriminator?.field, field != constant.field {
                throw failure(
                    name, first.name, "calls its discriminator '\(constant.field)', not '\(field)'",
                    hint: "It is one field of all documents, with another value for each table.")
            }
            // A collection may have a collation that ignores these differences.
            let value = constant.value.folding(options: [.caseInsensitive, .diacriticInsensitive], locale: nil)
            if let other = values.updateValue(name, forKey: value) {
                throw failure(
                    name, other, "has the same discriminator, but for case and accents at most: '\(constant.value)'",
                    hint: "Rows of both tables could be one document: choose another value.")
            }
            try checkGuard(name, settings, like: first)
            // What a sparse index leaves out is a field that is missing, or one that is null.
            if settings.mapping.nulls != first.settings.mapping.nulls,
                entries.contains(where: { $0.settings.indexes.contains(where: \.isSparse) })
            {
                throw failure(
                    name, first.name, "has other 'nulls', and an index of the collection is sparse",
                    hint: "Give all entries the same 'nulls': the index can leave out one of the two alone.")
            }
            try checkIndexes(name, settings)
        }
    }

    /// A batch writes the documents of all tables at once.
    private func checkGuard(
        _ name: String, _ settings: CollectionSettings, like first: (name: String, settings: CollectionSettings)
    ) throws(Failure) {
        func field(_ settings: CollectionSettings) -> String? {
            settings.lastModified.map { settings.mapping.path(of: $0.column).joined(separator: ".") }
        }
        guard field(settings) == field(first.settings),
            settings.lastModified?.isDualWritten == first.settings.lastModified?.isDualWritten
        else {
            throw failure(
                name, first.name, "says something else of 'last_modified' or 'dual_write'",
                hint:
                    "Documents of one collection are guarded by one field: give all of its tables the two, of columns that "
                    + "become the same field, or none.")
        }
    }

    private func checkIndexes(_ name: String, _ settings: CollectionSettings) throws(Failure) {
        for index in settings.indexes {
            let other = entries.first { $0.settings.indexes.contains { $0.name == index.name && $0 != index } }
            guard let other else { continue }
            throw failure(
                name, other.name, "has another index '\(index.name)'",
                hint: "An index is the collection's: say it once, or twice in the same words.")
        }
    }

    private func failure(_ name: String, _ other: String, _ problem: String, hint: String) -> Failure {
        Failure(
            .configuration,
            "'collections.\(name)' in \(file) goes into collection \(collection), as 'collections.\(other)' does, and "
                + problem, hint: hint)
    }
}
