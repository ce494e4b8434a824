import DevServers
import Model
import TestSupport
import Testing

/// Kill -9 of the program at random points under load.
@Suite(.onBusyServers) struct KillTests {
    private let exported = BatchSizes(operations: 150, backfill: "exported")

    private enum Phase: String, CaseIterable {
        case copy, stream, commit, idle
    }

    @Test func twentyKillsUnderLoadLoseNothing() async throws {
        try await PipelineFixture.withOwnServers("kill", postgres: [:]) { fixture in
            try await Workload.createTables(fixture)
            try await fixture.sql(
                """
                CREATE TABLE public.history (id integer PRIMARY KEY, note text);
                INSERT INTO public.history SELECT g, 'note ' || g FROM generate_series(1, 40000) g;
                """)
            let workload = Workload(fixture, seed: 20)
            let violations = try await VersionWatcher.watching(fixture) { _ in
                try await workload.working {
                    try await killTwentyTimes(fixture, workload)
                }
                let last = try fixture.wherry(limits: exported)
                try await fixture.waitUntilCaughtUp(last)
                #expect(try await fixture.compare() == [])
                #expect(try await last.terminate().code == 0)
            }
            #expect(violations == [])
        }
    }

    private func killTwentyTimes(_ fixture: PipelineFixture, _ workload: Workload) async throws {
        var generator = SeededGenerator(seed: 20)
        // The copy comes first and once; the rest in any order.
        let rest =
            (Array(repeating: Phase.stream, count: 7) + Array(repeating: .commit, count: 6)
            + Array(repeating: .idle, count: 3)).shuffled(using: &generator)
        var hit: [Phase: Int] = [:]
        var lastWasCommit = false
        for (number, phase) in (Array(repeating: .copy, count: 4) + rest).enumerated() {
            let start = ContinuousClock.now
            let before = try await fixture.checkpoint() ?? .zero
            // Before it begins: a copy that is let go may be whole by the time it is looked at.
            let slow =
                phase == .copy
                ? try await FailPoint.hold(
                    ["insert"], of: fixture.applicationName, for: .milliseconds(250), using: fixture.inspector) : nil
            let wherry = try fixture.wherry(limits: exported)
            if lastWasCommit {
                // A transaction that nobody ends lives for a minute, and holds the checkpoint for as long.
                try await fixture.waitUntil("the checkpoint moves again", wherry) {
                    try await fixture.checkpoint() ?? .zero > before
                }
                #expect(ContinuousClock.now - start < .seconds(20), "taking over after a kill in commit took too long")
                try await fixture.waitUntilCaughtUp(wherry)
            }
            let delay = Duration.milliseconds(Int.random(in: 0...300, using: &generator))
            let said = try await kill(wherry, during: phase, after: delay, fixture, workload)
            try await slow?.release()
            print("kill \(number + 1): in \(phase), its log said \(said), after \(ContinuousClock.now - start)")
            hit[phase, default: 0] += 1
            lastWasCommit = phase == .commit
        }
        #expect(hit.values.reduce(0, +) == 20)
        #expect(Phase.allCases.allSatisfy { hit[$0, default: 0] > 0 })
    }

    /// Brings the process into the phase, makes sure it is in it, and kills it.
    ///
    /// - Returns: the phase that its log showed last.
    private func kill(
        _ wherry: WherryProcess, during phase: Phase, after delay: Duration, _ fixture: PipelineFixture,
        _ workload: Workload
    ) async throws -> String {
        switch phase {
        case .copy:
            try await wherry.waitForLine("rows are copied") {
                $0["phase"] == "copying" && $0.int("rows_copied") ?? 0 > 0
            }
            try await Task.sleep(for: delay)
            let said = try await finish(wherry)
            #expect(said == "copying")
            return said
        case .stream:
            try await wherry.waitForLine("changes are applied") { $0.int("changes") ?? 0 > 0 }
            try await Task.sleep(for: delay)
            return try await finish(wherry)
        case .commit:
            try await wherry.waitForLine("it streams") { $0["phase"] == "streaming" }
            try await Task.sleep(for: delay)
            let hold = try await FailPoint.hold(
                ["commitTransaction"], of: fixture.applicationName, for: .seconds(60), once: true,
                using: fixture.inspector)
            try await hold.waitUntilHolding()
            return try await finish(wherry)
        case .idle:
            return try await workload.pausing {
                try await fixture.waitUntilCaughtUp(wherry)
                return try await finish(wherry)
            }
        }
    }

    private func finish(_ wherry: WherryProcess) async throws -> String {
        let said = wherry.latest("phase")?["phase"] ?? "nothing"
        try await wherry.kill()
        return said
    }
}
