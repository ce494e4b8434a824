import Foundation
import Logging
import Model
import Replication
import Synchronization
import Testing
import UnixSignals

@testable import WherryCommand

private let servers = ["WHERRY_SOURCE": "postgres://h/db", "WHERRY_TARGET": "mongodb://h/shop"]

@Suite struct RunSessionTests {
    @Test func aRunThatReachesItsGoal() async throws {
        var backend = Backend.unused
        backend.run = { request, progress, logger, _ in
            #expect(request.goal == .caughtUp)
            progress.update {
                $0.phase = .streaming
                $0.changesApplied = 5
                $0.applied = LSN(rawValue: 16)
            }
            logger.info("working")
            return .caughtUp
        }
        let run = await program(
            "run", "--until-caught-up", "--json", "--log-format", "json", environment: servers, backend: backend)
        #expect(run.code == 0)
        let report = try #require(try JSONSerialization.jsonObject(with: Data(run.output.utf8)) as? [String: Any])
        #expect(report["outcome"] as? String == "caught_up" && report["applied_lsn"] as? String == "0/10")
        let messages = try run.errors.split(separator: "\n").map { line in
            let object = try #require(try JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: Any])
            return try #require(object["message"] as? String)
        }
        #expect(messages.first == "starting" && messages.last == "finished" && messages.contains("working"))
        #expect(messages.contains("streaming"), "the last state of the board is shown: \(messages)")
    }

    @Test func theFailureIsThePipelinesOwn() async {
        let failure = Failure(.dataGap, "the slot is lost", hint: "Drop it.")
        let run = await program("run", environment: servers, backend: .failing(with: failure))
        #expect(run.code == 76)
        #expect(run.errors.hasSuffix("wherry: the slot is lost\nhint: Drop it.\n"))
    }

    /// While the pipeline runs a line appears per interval, and after it none.
    @Test func progressLinesPerInterval() async throws {
        var backend = Backend.unused
        let sink = TextSink()
        let console = Console(isTerminal: false, write: { sink.append($0) })
        backend.run = { _, progress, _, _ in
            progress.update { $0.phase = .streaming }
            // The display itself ends this: three lines are the proof.
            try await waitUntil { sink.lines.count { $0.contains(" info streaming  ") } >= 3 }
            return .stopped
        }
        let context = ProgramContext(
            environment: servers, backend: backend, console: console, standardOutput: { _ in }, readAnswer: { nil },
            canAsk: false)
        let code = await Program.run(["run", "--progress-interval", "100ms"], in: context)
        #expect(code == 0)
        #expect(sink.lines.last?.contains(" info finished  ") == true)
    }

    @Test func theBlockIsDrawnOnATerminal() async throws {
        var backend = Backend.unused
        let sink = TextSink()
        let console = Console(
            isTerminal: true, size: { TerminalSize(columns: 60, rows: 10) }, write: { sink.append($0) })
        backend.run = { _, progress, logger, _ in
            progress.update { $0.phase = .streaming }
            try await waitUntil { sink.text.contains("wherry shop: streaming") }
            logger.notice("a line in between")
            return .stopped
        }
        let context = ProgramContext(
            environment: servers, backend: backend, console: console, standardOutput: { _ in }, readAnswer: { nil },
            canAsk: false)
        #expect(await Program.run(["run"], in: context) == 0)
        #expect(sink.text.contains("notice a line in between\nwherry shop: streaming"))
        #expect(!sink.text.contains(" info streaming"))
    }

    @Test func theFirstSignalAsksAndTheSecondEnds() async {
        let seen = Mutex<[String]>([])
        let watch = SignalWatch(
            onFirst: { signal in seen.withLock { $0.append("stop \(signal)") } },
            onSecond: { signal in seen.withLock { $0.append("end \(signal.rawValue)") } })
        let signals = AsyncStream<UnixSignal> { continuation in
            continuation.yield(.sigint)
            continuation.yield(.sigterm)
            continuation.finish()
        }
        await watch.run(signals)
        #expect(seen.withLock { $0 } == ["stop SIGINT", "end 15"])
    }
}

/// Polls until the condition holds; throws after two minutes: a crowded machine is no reason to fail.
func waitUntil(_ condition: @Sendable () -> Bool) async throws {
    let deadline = ContinuousClock.now + .seconds(120)
    while !condition() {
        guard ContinuousClock.now < deadline else { throw Failure(.unexpected, "the condition never held") }
        try await Task.sleep(for: .milliseconds(5))
    }
}
