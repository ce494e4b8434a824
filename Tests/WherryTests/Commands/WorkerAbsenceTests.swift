import Logging
import Model
import Testing

@testable import WherryCommand

/// What is said while nobody works on a pipeline.
@Suite struct WorkerAbsenceTests {
    private let progress = Model.Progress()
    private let start = ContinuousClock.now

    private var waiting: Waiting? { progress.snapshot().waiting }

    private func absence() -> WorkerAbsence {
        WorkerAbsence(progress: progress, logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() })
    }

    @Test func itIsToldUntilOneIsBack() {
        var absence = absence()
        absence.look(isActive: true, at: start)
        absence.look(isActive: false, at: start + .seconds(1))
        #expect(waiting == nil)
        // The source can't be asked: that says nothing.
        absence.look(isActive: nil, at: start + .seconds(2))
        absence.look(isActive: false, at: start + .seconds(12))
        #expect(waiting == nil)
        absence.look(isActive: false, at: start + .seconds(13))
        #expect(waiting?.since == start + .seconds(1))
        #expect(waiting?.reason.contains("no worker is active") == true)
        absence.look(isActive: nil, at: start + .seconds(14))
        #expect(waiting != nil)
        absence.look(isActive: true, at: start + .seconds(15))
        #expect(waiting == nil)
    }

    /// It is away for a moment whenever a backfill begins.
    @Test func aStreamThatStartsAgainIsNoAbsence() {
        var absence = absence()
        for second in 0..<50 {
            absence.look(isActive: second % 11 == 0, at: start + .seconds(second))
            #expect(waiting == nil)
        }
    }
}
