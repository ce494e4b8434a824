import BSON
import Model

/// Reads the documents of some collections again and again through a connection of its own, and notes every `_id` that
/// was seen with a smaller `version` than before (or another field, a number or a date). Versions come from one
/// sequence, so a document that was deleted and inserted again has a larger one.
package actor VersionWatcher {
    private let inspector: MongoInspector
    private let collections: [String]
    private let field: String
    private let filter: BSONDocument
    private var newest: [String: [BSONValue: Int64]] = [:]
    private var passes = 0
    /// What was wrong, in words.
    private var violations: [String] = []

    private init(_ fixture: PipelineFixture, collections: [String], field: String, filter: BSONDocument) throws {
        inspector = try MongoInspector(uri: fixture.targetURI)
        self.collections = collections
        self.field = field
        self.filter = filter
    }

    /// Watches while `body` runs. What `body` is given waits until so many more whole looks at all documents are done.
    ///
    /// - Parameter filter: of the documents that are watched.
    /// - Returns: what was wrong, in words; empty when nothing was.
    /// - Throws: what `body` throws; `TestFailure` when too little was seen to prove anything.
    package static func watching(
        _ fixture: PipelineFixture, collections: [String] = Workload.versioned, field: String = "version",
        filter: BSONDocument = [:],
        during body: (_ looks: (Int) async throws -> Void) async throws -> Void
    ) async throws -> [String] {
        let watcher = try VersionWatcher(fixture, collections: collections, field: field, filter: filter)
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await watcher.watch() }
            defer { group.cancelAll() }
            try await body { count in
                // One more: the look that is under way began earlier.
                let enough = await watcher.passes + count + 1
                while await watcher.passes < enough { try await Task.sleep(for: .milliseconds(10)) }
            }
        }
        let (passes, violations) = await (watcher.passes, watcher.violations)
        guard passes >= 5 else { throw TestFailure("the watcher has read the target only \(passes) times") }
        return violations
    }

    /// Until cancelled.
    private func watch() async throws {
        while !Task.isCancelled {
            do {
                for collection in collections { try await look(at: collection) }
                passes += 1
                // Leaves the processors to those who are watched.
                try await Task.sleep(for: .milliseconds(20))
            } catch is CancellationError {
                return
            } catch let failure as Failure where [.unreachable, .targetInterrupted].contains(failure.kind) {
                // MongoDB is down: part of the test.
                try? await Task.sleep(for: .milliseconds(50))
            }
        }
    }

    private func look(at collection: String) async throws {
        var known = newest[collection] ?? [:]
        newest[collection] = nil
        defer { newest[collection] = known }
        for document in try await inspector.documents(collection, filter: filter, projection: [field: 1]) {
            guard let id = document["_id"], let value = document[field], let version = value.asInt64 ?? value.asDate
            else { continue }
            if let before = known[id], version < before {
                violations.append("\(collection) \(id): \(field) \(version) after \(before)")
            }
            known[id] = max(known[id] ?? version, version)
        }
    }
}
