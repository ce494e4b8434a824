import Model
import Testing

@testable import Replication

/// Tables whose pieces are interrupted, and pieces that can't be written.
@Suite(.timeLimit(.minutes(1))) struct BackfillBoardHoldTests {
    private let orders = BackfillBoardTests.orders
    private let items = BackfillBoardTests.items
    private let now = ContinuousClock.now

    private func take(_ board: BackfillBoard, at time: ContinuousClock.Instant) throws -> BackfillPiece {
        guard case .read(let piece) = board.next(for: 0, at: time) else {
            throw Failure(.unexpected, "nothing to read")
        }
        return piece
    }

    @Test func anInterruptedTableWaitsAndOthersGoOn() throws {
        let board = BackfillBoardTests.board(segments: 3)
        board.add(BackfillBoardTests.state(items, segments: 1), estimatedRows: 1)
        let first = try take(board, at: now)
        #expect(board.waiting.isEmpty)
        board.interrupted(first, reason: "locked", at: now)
        #expect(board.waiting == [Waiting(reason: "locked", since: now)])
        #expect(try take(board, at: now).route.table == items)
        let until = now + RetryPolicy.backoff(1)
        #expect(board.next(for: 0, at: now) == .hold(until: until))
        let again = try take(board, at: until)
        #expect(again.range == first.range && again.id != first.id)
        // One at a time, until one is delivered.
        #expect(board.next(for: 1, at: until) == .wait)
        #expect(board.delivered(again, cost: BackfillBoardTests.cost))
        #expect(board.waiting.isEmpty)
        #expect(try take(board, at: until).segment == 1)
    }

    /// Of several locked tables one is tried at a time, and in between the worker is there for the others.
    @Test func triesLeaveTimeForOthers() throws {
        let board = BackfillBoardTests.board(segments: 3)
        board.add(BackfillBoardTests.state(items, segments: 1), estimatedRows: 1)
        for _ in 1...2 { board.interrupted(try take(board, at: now), reason: "locked", at: now) }
        let first = now + RetryPolicy.backoff(1)
        #expect(board.next(for: 0, at: now) == .hold(until: first))
        let tried = try take(board, at: first)
        #expect(tried.route.table == orders)
        #expect(board.next(for: 1, at: first) == .wait)
        let failed = first + .seconds(10)
        board.interrupted(tried, reason: "locked", at: failed)
        // Neither the other one nor this, though their pauses are over long before.
        #expect(board.next(for: 1, at: failed) == .hold(until: failed + .seconds(10)))
        #expect(board.next(for: 1, at: failed + .seconds(9)) == .hold(until: failed + .seconds(10)))
        let again = try take(board, at: failed + .seconds(10))
        #expect(board.delivered(again, cost: BackfillBoardTests.cost))
        #expect(board.waiting.count == 1)
        #expect(try take(board, at: failed + .seconds(10)).route == again.route)
    }

    @Test func thePauseGrowsAndIsCountedOnce() throws {
        let board = BackfillBoardTests.board(segments: 3)
        let two = [try take(board, at: now), try take(board, at: now)]
        for piece in two { board.interrupted(piece, reason: "locked", at: now) }
        var time = now
        for attempt in 1...9 {
            let until = time + RetryPolicy.backoff(attempt)
            #expect(board.next(for: 0, at: time) == .hold(until: until))
            time = until
            board.interrupted(try take(board, at: time), reason: "locked", at: time)
            #expect(board.waiting.map(\.since) == [now])
        }
        // After one that went well it begins anew.
        time += .seconds(10)
        let piece = try take(board, at: time)
        #expect(board.delivered(piece, cost: BackfillBoardTests.cost))
        board.interrupted(piece, reason: "locked", at: time)
        #expect(board.next(for: 0, at: time) == .hold(until: time + RetryPolicy.backoff(1)))
        // Nobody's piece any more.
        board.interrupted(piece, reason: "late", at: time + .seconds(20))
        #expect(board.waiting == [Waiting(reason: "locked", since: time)])
    }

    @Test func aWorkerThatWaitsIsTheNextToTry() async throws {
        let board = BackfillBoardTests.board(workers: 2, segments: 1)
        let piece = try take(board, at: .now)
        async let next = board.nextPiece(for: 1)
        for _ in 0..<5 { await Task.yield() }
        board.interrupted(piece, reason: "locked")
        #expect(try #require(await next).segment == 0)
    }

    @Test func whatIsHeldBackIsGivenOutEarlierWhenOthersHaveWork() async throws {
        let board = BackfillBoardTests.board(segments: 1)
        let piece = try take(board, at: .now)
        board.interrupted(piece, reason: "locked", at: .now + .seconds(3600))
        async let next = board.nextPiece(for: 0)
        for _ in 0..<5 { await Task.yield() }
        board.add(BackfillBoardTests.state(items, segments: 1), estimatedRows: 1)
        #expect(try #require(await next).route.table == items)
    }

    @Test func aRefusedPieceEndsItsSegmentAlone() throws {
        let board = BackfillBoardTests.board(segments: 3)
        let failure = Failure(.dataRefused, "too large")
        let read = try take(board, at: now)
        board.refused(read, failure)
        board.refused(read, failure)
        let outstanding = try take(board, at: now)
        #expect(board.delivered(outstanding, cost: BackfillBoardTests.cost))
        board.refused(outstanding, failure)
        #expect(!board.delivered(read, cost: BackfillBoardTests.cost))
        #expect(board.refusals.map(\.failure) == [failure, failure])
        let last = try take(board, at: now)
        #expect(last.segment == 2)
        #expect(board.next(for: 0) == .wait)
        #expect(board.delivered(last, cost: BackfillBoardTests.cost))
        #expect(board.finished(last, last.step(to: nil, rows: 3)))
        #expect(board.next(for: 0) == .finished)
        #expect(!board.isFinished)
        #expect(board.state(of: Route(orders))?.segments.map(\.isDone) == [false, false, true])
    }
}
