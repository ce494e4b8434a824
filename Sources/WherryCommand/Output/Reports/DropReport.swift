/// `wherry drop`: what was there and is gone.
package struct DropReport: Report, Equatable {
    package let schemaVersion = 1
    package var pipeline: String
    /// nil when there was none.
    package var slot: String?
    package var publication: String?
    /// Whether state was stored.
    package var state: Bool
    /// Collections emptied, with `--documents`.
    package var collections: [String]
    /// Collections that held documents before the pipeline began: they are left alone even with `--documents`.
    package var keptCollections: [String]
    /// Whether the source is another cluster or database than the pipeline's: then nothing is removed there.
    package var sourceIsAnother: Bool

    package init(
        pipeline: String, slot: String?, publication: String?, state: Bool, collections: [String] = [],
        keptCollections: [String] = [], sourceIsAnother: Bool = false
    ) {
        self.pipeline = pipeline
        self.slot = slot
        self.publication = publication
        self.state = state
        self.collections = collections
        self.keptCollections = keptCollections
        self.sourceIsAnother = sourceIsAnother
    }

    package var text: [String] {
        let missing = sourceIsAnother ? "left alone: this source is not the pipeline's" : "there was none"
        var lines = [
            "slot         " + (slot.map { "\($0) removed" } ?? missing),
            "publication  " + (publication.map { "\($0) removed" } ?? missing),
            "state        " + (state ? "removed" : "there was none"),
        ]
        if !collections.isEmpty { lines.append("documents    deleted from \(collections.joined(separator: ", "))") }
        if !keptCollections.isEmpty {
            lines.append(
                "documents    kept in \(keptCollections.joined(separator: ", ")), which held some before the pipeline began"
            )
        }
        return lines
    }
}
