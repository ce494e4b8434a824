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

    @Test(arguments: [
        ("s", "p", "t", nil), ("s2", "p", "t", "slot"), ("s", "p2", "t", "publication"),
        ("s", "p", "t2", "target database"),
    ])
    func otherNames(slot: String, publication: String, database: String, what: String?) {
        let failure = StartChecks.names(in: state, slot: slot, publication: publication, targetDatabase: database)
        #expect(failure?.kind == (what == nil ? nil : .configuration))
        if let what { #expect(failure?.message.contains("started with \(what) ") == true) }
    }
}
