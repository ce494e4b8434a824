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
    /// Documents deleted from them.
    package var documents: Int

    package init(
        pipeline: String, slot: String?, publication: String?, state: Bool, collections: [String] = [],
        documents: Int = 0
    ) {
        self.pipeline = pipeline
        self.slot = slot
        self.publication = publication
        self.state = state
        self.collections = collections
        self.documents = documents
    }

    package var text: [String] {
        var lines = [
            "slot         " + (slot.map { "\($0) removed" } ?? "there was none"),
            "publication  " + (publication.map { "\($0) removed" } ?? "there was none"),
            "state        " + (state ? "removed" : "there was none"),
        ]
        if !collections.isEmpty {
            lines.append(
                "documents    \(HumanText.count(documents)) deleted from \(collections.joined(separator: ", "))")
        }
        return lines
    }
}
