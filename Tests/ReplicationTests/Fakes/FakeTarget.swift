import BSON
import Model
import Synchronization

/// The target as a whole, in memory: what was asked of it.
final class FakeTarget: TargetDatabase {
    struct State: Sendable {
        var occupied: Set<CollectionPart> = []
        var created: [[String]] = []
    }

    private let state = Mutex(State())

    func change(_ body: (inout State) -> Void) { state.withLock { body(&$0) } }

    var snapshot: State { state.withLock { $0 } }

    func createCollections(_ names: [String]) async throws { state.withLock { $0.created.append(names) } }

    func keys(of part: CollectionPart, after key: BSONDocument?, limit: Int) async throws -> [BSONDocument] { [] }

    func empty(_ part: CollectionPart) async throws {}

    func collated(_ collections: Set<String>) async throws -> Set<String> { [] }

    func nonEmpty(_ parts: [CollectionPart]) async throws -> Set<CollectionPart> {
        state.withLock { $0.occupied.intersection(parts) }
    }
}
