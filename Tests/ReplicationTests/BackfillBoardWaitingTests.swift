import Model
import Testing

@testable import Replication

/// Workers that find nothing to do wait, and are woken by what happens on the board.
@Suite(.timeLimit(.minutes(1))) struct BackfillBoardWaitingTests {
    private static func takenBoard() throws -> (BackfillBoard, BackfillPiece) {
        let board = BackfillBoardTests.board(workers: 2, segments: 1)
        guard case .read(let piece) = board.next(for: 0) else { throw Failure(.unexpected, "nothing to read") }
        return (board, piece)
    }

    enum Event: CaseIterable, Sendable { case failed, finishedInPart, added }

    @Test(arguments: Event.allCases) func isWokenWhenThereIsWork(_ event: Event) async throws {
        let (board, piece) = try BackfillBoardWaitingTests.takenBoard()
        async let next = board.nextPiece(for: 1)
        for _ in 0..<5 { await Task.yield() }
        switch event {
        case .failed: board.failed(piece)
        case .finishedInPart:
            #expect(board.delivered(piece, cost: BackfillBoardTests.cost))
            board.finished(piece, piece.step(to: ["5"], rows: 1))
        case .added: board.add(BackfillBoardTests.state(BackfillBoardTests.items), estimatedRows: 1)
        }
        let found = try #require(await next)
        #expect(found.id == piece.id + 1)
    }

    @Test func everyWorkerIsToldOfTheEnd() async throws {
        let (board, piece) = try BackfillBoardWaitingTests.takenBoard()
        async let one = board.nextPiece(for: 0)
        async let other = board.nextPiece(for: 1)
        for _ in 0..<5 { await Task.yield() }
        #expect(board.delivered(piece, cost: BackfillBoardTests.cost))
        board.finished(piece, piece.step(to: nil, rows: 1))
        #expect(await one == nil)
        #expect(await other == nil)
    }

    @Test(arguments: [0, 1, 5]) func aCancelledWorkerWaitsNoLonger(_ yields: Int) async throws {
        let (board, _) = try BackfillBoardWaitingTests.takenBoard()
        let worker = Task { await board.nextPiece(for: 1) }
        for _ in 0..<yields { await Task.yield() }
        worker.cancel()
        #expect(await worker.value == nil)
    }
}
