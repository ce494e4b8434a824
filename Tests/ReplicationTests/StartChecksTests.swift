import Model
import Testing

@testable import Replication

@Suite struct StartChecksTests {
    private let identity = SourceIdentity(systemIdentifier: "1", timeline: 1, database: "db", serverVersion: 150_020)

    private var state: PipelineState {
        PipelineState(
            pipeline: "shop", stage: .streaming, stageSince: SourceTime(microseconds: 0), source: identity, slot: "s",
            publication: "p", targetDatabase: "t", epoch: 1, sessions: [], checkpoint: nil, copyAttempt: 1,
            worker: WorkerIdentity(host: "h", pid: 1, startedAt: SourceTime(microseconds: 0)))
    }

    @Test func anotherSource() {
        var now = identity
        now.timeline = 2
        #expect(StartChecks.source(of: state, is: now) == nil)
        now.database = "other"
        #expect(StartChecks.source(of: state, is: now)?.kind == .dataGap)
        now = identity
        now.systemIdentifier = "2"
        #expect(StartChecks.source(of: state, is: now)?.kind == .dataGap)
    }

    private func table(_ name: String, in collection: String, wasEmpty: Bool = true) -> TableState {
        TableState(
            table: TableName(schema: "public", name: name), collection: collection, keyColumns: ["id"],
            wasEmpty: wasEmpty)
    }

    /// What the file says at a later start, as `table: collection`.
    @Test(
        arguments: [
            (nil, nil, nil), (["a": "x", "b": "y"], nil, nil),
            (
                ["a": "x", "b": "z"],
                "table public.b goes into collection y since the first start of pipeline shop, and the configuration says z now",
                "table public.b goes into collection y since the first start of pipeline shop, and the configuration says z now"
            ),
            (
                ["a": "x", "b": "y", "c": "c"],
                "pipeline shop was started without table public.c, which the configuration names now", nil
            ),
            (
                ["a": "x"],
                "pipeline shop was started with table public.b, which the configuration doesn't name any more",
                "pipeline shop was started with table public.b, which the configuration doesn't name any more"
            ),
        ] as [([String: String]?, String?, String?)])
    func otherCollections(configured: [String: String]?, message: String?, whenPicked: String?) {
        // Until the copy is whole; then they come and go.
        let tables = [table("a", in: "x"), table("b", in: "y")]
        let configured = configured.map { names in
            Dictionary(
                uniqueKeysWithValues: names.map {
                    (TableName(schema: "public", name: $0), [CollectionSettings(collection: $1)])
                })
        }
        func check(_ state: PipelineState) -> Failure? {
            StartChecks.collections(tables, of: state, configured: configured)
                ?? StartChecks.choice(of: tables, in: state, configured: configured)
        }
        var state = state
        #expect((check(state) != nil) == (message?.contains("goes into") ?? false))
        state.stage = .backfilling
        let failure = check(state)
        #expect(failure?.message == message && (failure == nil || failure?.exitCode == .configuration))
        // Then the file may name more than the pipeline has.
        state.picksTables = true
        #expect(check(state)?.message == whenPicked)
    }

    @Test(arguments: [
        (PipelineState.Stage.backfilling, true, true), (.copyingOnce, true, true), (.streaming, true, false),
        (.backfilling, false, false),
    ])
    func aGuardThatIsNew(stage: PipelineState.Stage, wasEmpty: Bool, isRefused: Bool) {
        var state = state
        state.stage = stage
        let guarded = CollectionSettings(collection: "b", lastModified: LastModified(column: "at"))
        let rules = MappingRules(named: [TableName(schema: "public", name: "b"): [guarded]])
        let tables = [table("a", in: "a"), table("b", in: "b", wasEmpty: wasEmpty)]
        #expect((StartChecks.guards(tables, of: state, rules: rules) != nil) == isRefused)
        #expect(StartChecks.guards(tables, of: state, rules: MappingRules()) == nil)
    }

    @Test(arguments: [
        ("s", "p", "t", nil), ("s2", "p", "t", "slot"), ("s", "p2", "t", "publication"),
        ("s", "p", "t2", "target database"),
    ])
    func otherNames(slot: String, publication: String, database: String, what: String?) {
        let failure = StartChecks.names(
            in: state, slot: slot, publication: publication, plugin: .pgoutput, targetDatabase: database)
        #expect(failure?.kind == (what == nil ? nil : .configuration))
        if let what { #expect(failure?.message.contains("started with \(what) ") == true) }
    }

    @Test func anotherPlugin() {
        let failure = StartChecks.names(
            in: state, slot: "s", publication: "p", plugin: .wal2json, targetDatabase: "t")
        #expect(failure?.message == "pipeline shop was started with plugin pgoutput, not wal2json")
        #expect(failure?.exitCode == .configuration)
    }
}
