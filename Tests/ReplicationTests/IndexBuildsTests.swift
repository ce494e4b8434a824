import Logging
import Model
import TestSupport
import Testing

@testable import Replication

/// Indexes are made behind the rows, and what becomes of them stops nothing.
@Suite struct IndexBuildsTests {
    private static let logger = Logger(label: "test", factory: { _ in SwiftLogNoOpLogHandler() })

    private func index(_ name: String) -> CollectionIndex { CollectionIndex(name: name, keys: [.init(name)]) }

    private func builds(_ indexes: FakeIndexes, _ names: String...) -> IndexBuilds {
        IndexBuilds(
            target: indexes,
            jobs: names.map { IndexBuilds.Job(collection: "c", index: index($0), omitsNulls: $0 == "b") },
            logger: Self.logger)
    }

    private func failure(_ kind: Failure.Kind) -> Failure { Failure(kind, "no") }

    /// What is there isn't made again: so a start goes on where the one before ended.
    @Test func onlyWhatIsMissing() async throws {
        let indexes = FakeIndexes()
        indexes.change { $0.names = ["sample": ["a"]] }
        let table = PipelineFixture.table.state
        var settings = PipelineFixture().settings
        var mapping = CollectionMapping()
        mapping.nulls = .omit
        settings.collections = [
            table.table: [
                CollectionSettings(
                    collection: table.collection, mapping: mapping, indexes: [index("a"), index("b")])
            ]
        ]
        indexes.change { $0.names = [table.collection: ["a"]] }
        let found = try await IndexBuilds.missing(
            [table], settings: settings, target: indexes, logger: Self.logger)
        #expect(found?.jobs == [IndexBuilds.Job(collection: table.collection, index: index("b"), omitsNulls: true)])
        try await found?.run()
        #expect(indexes.snapshot.asked == ["\(table.collection).b!"])
        #expect(
            try await IndexBuilds.missing([table], settings: settings, target: indexes, logger: Self.logger) == nil)
    }

    @Test func oneAfterTheOther() async throws {
        let indexes = FakeIndexes()
        try await builds(indexes, "a", "b").run()
        #expect(indexes.snapshot.asked == ["c.a", "c.b!"])
    }

    /// The stream may be about to bring other values.
    @Test func duplicatesAreTriedAgainAndThenLeft() async throws {
        let indexes = FakeIndexes()
        indexes.change { $0.answers = Array(repeating: failure(.dataRefused), count: 3) }
        try await builds(indexes, "a", "b").run()
        #expect(indexes.snapshot.asked == ["c.a", "c.a", "c.a", "c.b!"] && indexes.snapshot.names == ["c": ["b"]])
    }

    @Test func oneThatCannotBeMadeKeepsNoOtherBack() async throws {
        let indexes = FakeIndexes()
        indexes.change { $0.answers = [failure(.configuration)] }
        try await builds(indexes, "a", "b").run()
        #expect(indexes.snapshot.asked == ["c.a", "c.b!"] && indexes.snapshot.names == ["c": ["b"]])
    }

    @Test func aTargetThatIsAwayIsWaitedFor() async throws {
        let indexes = FakeIndexes()
        indexes.change { $0.answers = [failure(.unreachable), failure(.targetInterrupted)] }
        try await builds(indexes, "a").run()
        #expect(indexes.snapshot.names == ["c": ["a"]])
    }

    /// The target goes on, and the next start waits for the same one.
    @Test func aStopWaitsForNothing() async throws {
        let indexes = FakeIndexes(gate: Gate(isOpen: false))
        let run = Task { try await builds(indexes, "a", "b").run() }
        #expect(await eventually { indexes.snapshot.asked.count == 1 })
        run.cancel()
        await #expect(throws: CancellationError.self) { try await run.value }
        #expect(indexes.snapshot.asked == ["c.a"])
    }
}
