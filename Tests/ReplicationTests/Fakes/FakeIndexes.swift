import Model
import Synchronization

/// Indexes in memory, made as `answers` say.
final class FakeIndexes: IndexTarget {
    struct State: Sendable {
        /// By collection.
        var names: [String: Set<String>] = [:]
        /// What the next calls of `build` throw; those behind the last succeed.
        var answers: [Failure?] = []
        /// `collection.index`, with a `!` where nulls are omitted.
        var asked: [String] = []
    }

    private let state = Mutex(State())
    /// What a build waits for before it does anything.
    private let gate: Gate

    init(gate: Gate = Gate(isOpen: true)) { self.gate = gate }

    func change(_ body: (inout State) -> Void) { state.withLock { body(&$0) } }

    var snapshot: State { state.withLock { $0 } }

    func missing(_ indexes: [CollectionIndex], of collection: String) async throws -> [CollectionIndex] {
        state.withLock { state in indexes.filter { state.names[collection]?.contains($0.name) != true } }
    }

    func build(_ index: CollectionIndex, of collection: String, omitsNulls: Bool) async throws {
        let answer = state.withLock { state -> Failure? in
            state.asked.append("\(collection).\(index.name)\(omitsNulls ? "!" : "")")
            return state.answers.isEmpty ? nil : state.answers.removeFirst()
        }
        try await gate.pass()
        if let answer { throw answer }
        state.withLock { _ = $0.names[collection, default: []].insert(index.name) }
    }

    func share(of index: CollectionIndex, in collection: String) async -> Double? { nil }
}
