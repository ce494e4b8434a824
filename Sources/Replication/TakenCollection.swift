import Model

/// A collection that a new pipeline may not write into, because another one of the same state database does.
package struct TakenCollection: Hashable, Sendable {
    package let collection: String
    package let pipeline: String
    /// Whether it is part of a copy without a slot that is not known to be whole.
    let isOneOff: Bool

    package var refusal: Failure {
        guard isOneOff else {
            return Failure(
                .configuration, "collection \(collection) belongs to pipeline \(pipeline)",
                hint: "A copy would overwrite what its stream has written: choose other tables or another target "
                    + "database, or remove the pipeline with `wherry drop \(pipeline)`.")
        }
        return Failure(
            .configuration, "collection \(collection) belongs to the copy \(pipeline), which is not finished",
            hint:
                "`wherry snapshot --no-slot --pipeline \(pipeline)` finishes it, `wherry drop \(pipeline) --documents` "
                + "removes it.")
    }
}

extension StateStore {
    /// Which of these collections another pipeline has, by name. A pipeline with a slot minds copies without one, as what
    /// these leave half-written must not be adopted, and whoever has a collection that is to be shared: one of them would
    /// empty it of the other's documents.
    package func collectionsTaken(
        _ parts: [CollectionPart], in database: String, by pipeline: String, usesSlot: Bool
    ) async throws -> [TakenCollection] {
        var taken: [TakenCollection] = []
        for other in try await all() where other.targetDatabase == database && other.pipeline != pipeline {
            let theirs = try await tables(of: other.pipeline).map(\.part)
            let met = parts.filter { part in
                theirs.contains { their in
                    their.collection == part.collection
                        && (other.stage.isOneOff || !usesSlot || their.discriminator != nil
                            || part.discriminator != nil)
                }
            }
            taken += Set(met.map(\.collection)).map {
                TakenCollection(collection: $0, pipeline: other.pipeline, isOneOff: other.stage.isOneOff)
            }
        }
        return taken.sorted { ($0.collection, $0.pipeline) < ($1.collection, $1.pipeline) }
    }
}
