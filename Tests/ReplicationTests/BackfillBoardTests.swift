import Model
import Testing

@testable import Replication

struct BackfillBoardTests {
    static let orders = TableName(schema: "public", name: "orders")
    static let items = TableName(schema: "public", name: "items")
    static let start = SourceTime(microseconds: 1)
    static let cost = ChunkCost(duration: .milliseconds(250), bytes: 100, isFull: true)

    /// Segments of ten keys each: (nil, 10], (10, 20], … the last one open.
    static func state(_ table: TableName = orders, segments: Int = 4) -> BackfillState {
        let ranges = (0..<segments).map { number in
            KeyRange(
                after: number == 0 ? nil : ["\(number * 10)"],
                through: number == segments - 1 ? nil : ["\(number * 10 + 10)"])
        }
        return BackfillState(route: Route(table), ranges: ranges, startedAt: start, floor: 3)
    }

    static func board(workers: Int = 1, segments: Int = 4) -> BackfillBoard {
        let board = BackfillBoard(workers: workers)
        board.add(state(segments: segments), estimatedRows: 100)
        return board
    }

    private static func take(_ board: BackfillBoard, _ worker: Int = 0) throws -> BackfillPiece {
        guard case .read(let piece) = board.next(for: worker) else {
            throw Failure(.unexpected, "nothing to read")
        }
        return piece
    }

    // MARK: - Giving out

    @Test func workersBeginInTheirShareAndComeBackToIt() throws {
        let board = BackfillBoardTests.board(workers: 2)
        let first = try BackfillBoardTests.take(board, 0)
        let second = try BackfillBoardTests.take(board, 1)
        #expect([first.segment, second.segment] == [0, 2])
        #expect(board.delivered(first, cost: BackfillBoardTests.cost))
        #expect(try BackfillBoardTests.take(board, 0).segment == 1)
        #expect(board.finished(first, first.step(to: ["5"], rows: 5)))
        let again = try BackfillBoardTests.take(board, 0)
        #expect(again.segment == 0)
        #expect(again.range == KeyRange(after: ["5"], through: ["10"]))
        #expect(try BackfillBoardTests.take(board, 0).segment == 3)
        #expect(board.next(for: 0) == .wait)
        #expect(board.next(for: 1) == .wait)
    }

    @Test func theLargestTableComesFirst() throws {
        let board = BackfillBoard(workers: 3)
        board.add(BackfillBoardTests.state(BackfillBoardTests.items, segments: 1), estimatedRows: 5)
        board.add(BackfillBoardTests.state(segments: 2), estimatedRows: 50)
        let pieces = try (0..<3).map { try BackfillBoardTests.take(board, $0) }
        #expect(pieces.map(\.route.table.name) == ["orders", "orders", "items"])
        #expect(pieces.map(\.segment) == [0, 1, 0])
        #expect(Set(pieces.map(\.id)).count == 3)
        #expect(board.progress.map(\.route.table.name) == ["orders", "items"])
    }

    @Test func aTableIsOnTheBoardOnceUntilItIsFinished() throws {
        let board = BackfillBoardTests.board(segments: 2)
        #expect(!board.add(BackfillBoardTests.state(), estimatedRows: 1))
        #expect(board.progress.map(\.estimatedRows) == [100])
        var last: BackfillPiece?
        for _ in 0..<2 { last = try BackfillBoardTests.complete(board, end: nil) }
        #expect(board.isFinished)
        #expect(board.add(BackfillBoardTests.state(segments: 1), estimatedRows: 1))
        #expect(!board.isFinished)
        // A late word about a piece of the backfill before, with more segments than there are now.
        board.failed(try #require(last))
        #expect(!board.delivered(try #require(last), cost: BackfillBoardTests.cost))
        #expect(try BackfillBoardTests.take(board).segment == 0)
    }

    @Test func anEmptyPlanIsOneOpenRange() throws {
        let board = BackfillBoard(workers: 1)
        board.add(
            BackfillState(
                route: Route(BackfillBoardTests.orders), ranges: [], startedAt: BackfillBoardTests.start, floor: 3),
            estimatedRows: 0)
        #expect(try BackfillBoardTests.take(board).range == KeyRange(after: nil, through: nil))
    }

    @Test func anEmptyBoardIsFinished() {
        #expect(BackfillBoard(workers: 2).next(for: 0) == .finished)
    }

    // MARK: - Transitions

    @discardableResult
    private static func complete(_ board: BackfillBoard, end: [String]?, rows: Int = 3) throws -> BackfillPiece {
        let piece = try take(board)
        #expect(board.delivered(piece, cost: cost))
        #expect(board.finished(piece, piece.step(to: end, rows: rows)))
        return piece
    }

    @Test func finishingMovesThePositionAndCountsRows() throws {
        let board = BackfillBoardTests.board(segments: 2)
        try BackfillBoardTests.complete(board, end: ["4"])
        var state = try #require(board.state(of: Route(BackfillBoardTests.orders)))
        #expect(state.segments[0].position == ["4"])
        #expect(!state.segments[0].isDone)
        #expect(state.rows == 3)
        #expect(try BackfillBoardTests.complete(board, end: nil).range.after == ["4"])
        state = try #require(board.state(of: Route(BackfillBoardTests.orders)))
        #expect(state.segments[0].position == ["10"])
        #expect(state.segments[0].isDone)
        #expect(!state.isFinished && !board.isFinished)
        try BackfillBoardTests.complete(board, end: nil)
        state = try #require(board.state(of: Route(BackfillBoardTests.orders)))
        #expect(state.isFinished && board.isFinished)
        #expect(state.startedAt == BackfillBoardTests.start)
        #expect(board.progress.map(\.rows) == [9])
        #expect(board.progress.map(\.isFinished) == [true])
        #expect(board.next(for: 0) == .finished)
    }

    @Test func aChunkThatEndsAtItsSegmentsEndIsTheLast() throws {
        let board = BackfillBoardTests.board(segments: 2)
        try BackfillBoardTests.complete(board, end: ["10"])
        #expect(board.state(of: Route(BackfillBoardTests.orders))?.segments[0].isDone == true)
        #expect(try BackfillBoardTests.take(board).segment == 1)
    }

    enum Word: String, CaseIterable, Sendable { case delivered, finished, failed }

    /// What each word about a piece does in each state of its segment: whether it is taken, and whether the segment is
    /// given out again then.
    @Test(
        arguments: [
            ([], .delivered, true, false),
            ([], .finished, false, false),
            ([], .failed, true, true),
            ([.delivered], .delivered, false, false),
            ([.delivered], .finished, true, true),
            ([.delivered], .failed, true, true),
            ([.delivered, .finished], .delivered, false, true),
            ([.delivered, .finished], .finished, false, true),
            ([.failed], .delivered, false, true),
            ([.failed], .finished, false, true),
            ([.delivered, .failed], .finished, false, true),
        ] as [([Word], Word, Bool, Bool)])
    func wordsAboutAPiece(_ before: [Word], _ word: Word, _ isTaken: Bool, _ isFree: Bool) throws {
        let board = BackfillBoardTests.board(segments: 1)
        let piece = try BackfillBoardTests.take(board)
        for earlier in before { #expect(say(earlier, piece, board)) }
        let rows = board.progress[0].rows
        #expect(say(word, piece, board) == isTaken)
        if !isTaken { #expect(board.progress[0].rows == rows) }
        if case .read = board.next(for: 0) { #expect(isFree) } else { #expect(!isFree) }
    }

    private func say(_ word: Word, _ piece: BackfillPiece, _ board: BackfillBoard) -> Bool {
        switch word {
        case .delivered: return board.delivered(piece, cost: BackfillBoardTests.cost)
        case .finished: return board.finished(piece, piece.step(to: ["4"], rows: 3))
        case .failed:
            board.failed(piece)
            return true
        }
    }

    @Test func whatFailedIsGivenOutAgainAndWorthNothingItself() throws {
        let board = BackfillBoardTests.board(segments: 3)
        let outstanding = try BackfillBoardTests.take(board)
        #expect(board.delivered(outstanding, cost: BackfillBoardTests.cost))
        let reading = try BackfillBoardTests.take(board)
        try BackfillBoardTests.complete(board, end: nil)
        for piece in [outstanding, reading] { board.failed(piece) }

        let again = try [BackfillBoardTests.take(board), BackfillBoardTests.take(board)]
        #expect(again.map(\.segment) == [0, 1])
        #expect(again.map(\.range) == [outstanding.range, reading.range])
        #expect(!board.finished(outstanding, outstanding.step(to: nil, rows: 9)))
        #expect(!board.delivered(reading, cost: BackfillBoardTests.cost))
        board.failed(reading)
        #expect(board.next(for: 0) == .wait)
        #expect(board.progress[0].rows == 3)
        #expect(board.delivered(again[1], cost: BackfillBoardTests.cost))
    }

    @Test func chunksFollowTheMeasuredCost() throws {
        let board = BackfillBoardTests.board(segments: 2)
        let piece = try BackfillBoardTests.take(board)
        #expect(piece.limit == 1000)
        let slow = ChunkCost(duration: .seconds(1), bytes: 100, isFull: true)
        #expect(board.delivered(piece, cost: slow))
        let next = try BackfillBoardTests.take(board)
        #expect(next.limit == 250)
        board.failed(next, isTooLarge: true)
        #expect(try BackfillBoardTests.take(board).limit == 62)
    }

    @Test func aStoredStateGoesOnWhereItWas() throws {
        let board = BackfillBoardTests.board(segments: 3)
        try BackfillBoardTests.complete(board, end: nil)
        try BackfillBoardTests.complete(board, end: ["14"])
        _ = try BackfillBoardTests.take(board)
        let next = BackfillBoard(workers: 1)
        next.add(try #require(board.state(of: Route(BackfillBoardTests.orders))), estimatedRows: 100)
        #expect(try BackfillBoardTests.take(next).range == KeyRange(after: ["14"], through: ["20"]))
        #expect(try BackfillBoardTests.take(next).range == KeyRange(after: ["20"], through: nil))
        #expect(next.next(for: 0) == .wait)
        #expect(next.progress[0].rows == 6)
    }
}
