import Model
import Mongo
import Replication

/// Reads what is held back, and writes what somebody wants of it. Asks only the target.
struct DeadLettersWiring: Sendable {
    let settings: Settings

    /// - Throws: `Failure(.configuration)` when there is no such pipeline, `.usage` when there is no such letter.
    func run(_ call: DeadLettersCall) async throws -> DeadLettersReport {
        let store = try Endpoint.store(settings)
        guard let state = try await store.load(settings.pipeline) else {
            throw Failure(
                .configuration,
                "the state database \(settings.target.stateDatabase) knows no pipeline \(settings.pipeline)",
                hint: "`wherry pipelines` lists those there are.")
        }
        switch call {
        case .list: return report(.listed, try await store.letters(of: settings.pipeline))
        case .show(let id): return report(.shown, try await named([id], store))
        case .retry(let ids):
            try BackfillPlanner.requireMessages(of: state.source, begun: state.pipeline)
            let letters =
                if let ids { try await named(ids, store) } else { try await store.letters(of: settings.pipeline) }
            try await store.retry(keys(of: letters), of: settings.pipeline)
            return report(.retried, letters)
        case .discard(let ids):
            // What follows a change goes with it: the document misses all of them.
            let held = Set(keys(of: try await named(ids, store)))
            let letters = try await store.letters(of: settings.pipeline).filter { letter in
                letter.heldKeys.contains(where: held.contains)
            }
            try await store.discard(keys(of: letters), of: settings.pipeline)
            return report(.discarded, letters)
        }
    }

    private func named(_ ids: [Int64], _ store: MongoStateStore) async throws -> [DeadLetter] {
        let letters = try await store.letters(of: settings.pipeline, ids)
        let found = Set(letters.map(\.sequence))
        guard let missing = ids.first(where: { !found.contains($0) }) else { return letters }
        throw Failure(
            .usage, "pipeline \(settings.pipeline) holds nothing back under the number \(missing)",
            hint: "`wherry dead-letters list` shows what there is. What was retried and written is gone from it.")
    }

    private func keys(of letters: [DeadLetter]) -> [HeldKey] {
        Array(Set(letters.flatMap(\.heldKeys)))
    }

    private func report(_ action: DeadLettersReport.Action, _ letters: [DeadLetter]) -> DeadLettersReport {
        DeadLettersReport(pipeline: settings.pipeline, action: action, letters: letters)
    }
}
