import Model
import Synchronization
import TestSupport
import Testing

@testable import Replication

/// A pipeline from start to stop, over every kind of interruption.
struct PipelineTests {
    static let table = PipelineFixture.table
    static let place = FakeSnapshot.Place(table: table.schema.name, firstPage: nil)

    static func script(_ transactions: Int) -> EventScript {
        var script = EventScript([table])
        for number in 0..<transactions { script.transaction([table.insert("\(number)", "n", "d")]) }
        return script
    }

    func run(_ fixture: PipelineFixture) async throws -> PipelineEnd {
        let pipeline = fixture.pipeline
        return try await promptly { try await pipeline.run() }
    }

    @Test func aFirstStartCopiesAndStreams() async throws {
        let script = PipelineTests.script(5)
        let snapshot = FakeSnapshot([PipelineTests.place: (100..<130).map { Cell.row(["\($0)", "n", "d"]) }])
        var fixture = PipelineFixture(snapshot: snapshot) { _ in ScriptedStream(script) }
        fixture.source.change {
            $0.ranges = [
                CopyRange(table: PipelineTests.table.version, firstPage: nil, endPage: nil, estimatedRows: 30)
            ]
        }
        fixture.settings.end = .position(script.end)
        let end = try await run(fixture)
        #expect(end == .reached(script.end))
        let state = try #require(fixture.stored)
        #expect(state.stage == .streaming && state.copyAttempt == 1)
        #expect(state.checkpoint == Checkpoint(lsn: LSN(rawValue: 1000)))
        #expect(fixture.copySinks.flatMap(\.writes).map(\.documents.count).reduce(0, +) == 30)
        #expect(fixture.copySinks.allSatisfy { $0.isClosed })
        #expect(fixture.sink.target.collections["t"]?.count == 5)
        #expect(fixture.target.snapshot.created == [["t"]] && fixture.copySinks.flatMap(\.emptied).isEmpty)
        #expect(fixture.source.count("publication") == 1 && fixture.source.count("createSlot") == 1)
        #expect(fixture.store.snapshot.notes == [nil])
    }

    @Test func aForeignSlotIsNotDropped() async throws {
        let fixture = PipelineFixture()
        fixture.source.change { $0.slot = .named("wherry_p") }
        let failure = await #expect(throws: Failure.self) { _ = try await run(fixture) }
        #expect(failure?.kind == .configuration)
        #expect(fixture.source.count("dropSlot") == 0)
    }

    @Test func anInterruptedCopyBeginsAgainFromNothing() async throws {
        let failures = Mutex(1)
        let snapshot = FakeSnapshot([PipelineTests.place: [Cell.row(["1", "n", "d"])]]) { _, _ in
            failures.withLock { left in
                left -= 1
                return left >= 0 ? Failure(.copyInterrupted, "gone") : nil
            }
        }
        var fixture = PipelineFixture(snapshot: snapshot)
        fixture.source.change {
            $0.ranges = [CopyRange(table: PipelineTests.table.version, firstPage: nil, endPage: nil, estimatedRows: 1)]
            // Its stream brings no messages: what is left can't be read beside it.
            $0.identity.serverVersion = 130_010
        }
        fixture.settings.end = .position(LSN(rawValue: 1000))
        let end = try await run(fixture)
        #expect(end == .reached(LSN(rawValue: 1000)))
        #expect(fixture.stored?.copyAttempt == 2)
        #expect(fixture.source.count("dropSlot") == 1 && fixture.source.count("createSlot") == 2)
        #expect(fixture.copySinks.flatMap(\.emptied) == ["t"])
        #expect(fixture.copySinks.flatMap(\.writes).count == 1)
    }

    @Test func anAdoptedCollectionIsSweptAndNeverEmptied() async throws {
        var fixture = PipelineFixture()
        fixture.leave(.backfilling, copyAttempt: 2)
        let table = PipelineTests.table
        fixture.store.change {
            $0.tables["p"] = [
                TableState(
                    table: table.schema.name, collection: table.collection, keyColumns: table.keyColumns,
                    wasEmpty: false)
            ]
        }
        fixture.settings.end = .position(LSN(rawValue: 1000))
        _ = try await run(fixture)
        #expect(fixture.copySinks.flatMap(\.emptied).isEmpty)
        #expect(fixture.copySinks.flatMap(\.swept).map(\.collection) == ["t"])
        #expect(fixture.copySinks.flatMap(\.swept).map(\.attempt) == [3])
    }

    @Test func anInterruptedSourceIsTakenUpFromTheCheckpoint() async throws {
        let script = PipelineTests.script(40)
        let positions = Mutex<[LSN]>([])
        var fixture = PipelineFixture { position in
            let attempt = positions.withLock { positions in
                positions.append(position)
                return positions.count
            }
            if attempt > 2 { return ScriptedStream(script.after(position)) }
            // The first two connections break after a part of what is left.
            let stream = ScriptedStream(script.after(position).prefix(30))
            stream.fail(Failure(.sourceInterrupted, "gone"))
            return stream
        }
        fixture.leave(.streaming)
        fixture.settings.end = .position(script.end)
        let end = try await run(fixture)
        #expect(end == .reached(script.end))
        #expect(fixture.sink.target.collections["t"]?.count == 40)
        #expect(fixture.sink.target.violations.isEmpty)
        #expect(positions.withLock { $0.count } == 3)
        #expect(positions.withLock { $0 == $0.sorted() })
        #expect(fixture.progress.snapshot().reconnects == 2)
        #expect(fixture.stored?.epoch == 5)
    }

    @Test func collisionsAreAnsweredWithSmallerBatches() async throws {
        let script = PipelineTests.script(100)
        let failed = Mutex(0)
        let sink = RecordingSink { _ in
            failed.withLock { count in
                count += 1
                return count <= 2 ? Failure(.targetInterrupted, "collision") : nil
            }
        }
        var fixture = PipelineFixture(sink: sink) { ScriptedStream(script.after($0)) }
        fixture.settings.limits.operations = 320
        fixture.leave(.streaming)
        fixture.settings.end = .position(script.end)
        let end = try await run(fixture)
        #expect(end == .reached(script.end))
        #expect(sink.batches.allSatisfy { $0.counts.writes <= 20 })
        #expect(sink.target.collections["t"]?.count == 100)
    }

    @Test(arguments: [Failure.Kind.fenced, .dataRefused, .dataGap, .denied, .unexpected])
    func whatWaitingCannotMendStopsAndIsNoted(_ kind: Failure.Kind) async throws {
        let script = PipelineTests.script(3)
        let fixture = PipelineFixture(sink: RecordingSink { _ in Failure(kind, "m") }) {
            ScriptedStream(script.after($0))
        }
        fixture.leave(.streaming)
        let failure = await #expect(throws: Failure.self) { _ = try await run(fixture) }
        #expect(failure?.kind == kind)
        #expect(fixture.source.count("open") == 1)
        #expect(fixture.store.snapshot.notes.last??.failure.kind == kind)
        #expect(fixture.sink.isClosed && fixture.source.count("close") > 0)
    }

    @Test func aFirstStartDoesNotWaitForAnUnreachableServer() async throws {
        let fixture = PipelineFixture()
        fixture.source.change { $0.failures["acquire"] = [Failure(.unreachable, "refused")] }
        let failure = await #expect(throws: Failure.self) { _ = try await run(fixture) }
        #expect(failure?.kind == .unreachable)
        #expect(fixture.source.count("acquire") == 1)
        #expect(fixture.stored == nil && fixture.store.snapshot.notes.isEmpty)
    }

    @Test func laterOnAnUnreachableServerIsWaitedFor() async throws {
        let script = PipelineTests.script(3)
        var fixture = PipelineFixture { ScriptedStream(script.after($0)) }
        fixture.leave(.streaming)
        fixture.settings.end = .position(script.end)
        fixture.source.change {
            $0.failures["open"] = [Failure(.sourceInterrupted, "gone")]
        }
        let (source, pipeline) = (fixture.source, fixture.pipeline)
        let end = try await promptly {
            async let end = pipeline.run()
            // Reached once; now it is away for a while.
            #expect(await eventually { source.count("open") == 1 })
            source.change { $0.failures["acquire"] = [Failure(.unreachable, "refused"), Failure(.inUse, "held")] }
            return try await end
        }
        #expect(end == .reached(script.end))
        #expect(source.count("acquire") == 4)
        #expect(fixture.sink.target.collections["t"]?.count == 3)
    }

    @Test func aStopDuringAPauseEndsIt() async throws {
        let fixture = PipelineFixture()
        fixture.leave(.streaming)
        fixture.source.change {
            $0.failures["open"] = (0..<20).map { _ in Failure(.sourceInterrupted, "gone") }
        }
        let (pipeline, source, stop, progress) = (fixture.pipeline, fixture.source, fixture.stop, fixture.progress)
        let elapsed = try await promptly {
            async let end = pipeline.run()
            // The sixth pause lasts 3.2 seconds.
            #expect(await eventually { source.count("open") == 6 && progress.snapshot().waiting?.reason == "gone" })
            let began = ContinuousClock.now
            stop.stop()
            let ending = try await end
            #expect(ending == .stopped)
            return ContinuousClock.now - began
        }
        #expect(elapsed < .seconds(2))
        #expect(source.count("open") == 6)
    }

    @Test func aStopWhileAnotherHoldsThePipelineEndsTheWait() async throws {
        let gate = Gate()
        let fixture = PipelineFixture(acquiring: gate)
        let (pipeline, stop, progress) = (fixture.pipeline, fixture.stop, fixture.progress)
        let end = try await promptly {
            async let end = pipeline.run()
            #expect(await eventually { gate.waiting == 1 })
            #expect(progress.snapshot().waiting?.reason == "somebody else")
            stop.stop()
            return try await end
        }
        #expect(end == .stopped)
        #expect(fixture.stored == nil)
    }

    @Test func aStopDuringTheCopyEndsIt() async throws {
        let gate = Gate()
        let snapshot = FakeSnapshot([PipelineTests.place: [Cell.row(["1", "n", "d"])]], gate: gate)
        let fixture = PipelineFixture(snapshot: snapshot)
        fixture.source.change {
            $0.ranges = [CopyRange(table: PipelineTests.table.version, firstPage: nil, endPage: nil, estimatedRows: 1)]
        }
        let (pipeline, stop) = (fixture.pipeline, fixture.stop)
        let end = try await promptly {
            async let end = pipeline.run()
            #expect(await eventually { gate.waiting == 1 })
            stop.stop()
            return try await end
        }
        #expect(end == .stopped)
        #expect(snapshot.openReaders == 0)
        #expect(fixture.stored?.stage == .backfilling && fixture.stored?.copyAttempt == 1)
    }

    @Test func beforeItBeginsAStopIsEnough() async throws {
        let fixture = PipelineFixture()
        fixture.stop.stop()
        let end = try await run(fixture)
        #expect(end == .stopped)
        #expect(fixture.source.count("acquire") == 0)
    }
}
