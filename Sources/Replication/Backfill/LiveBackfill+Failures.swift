import Logging
import Model

/// What concerns one chunk alone: the others and the stream go on.
extension LiveBackfill {
    /// Waits for a table that is locked, as long as it takes.
    func patiently<Result>(_ errand: RereadQueue.Errand, _ body: () async throws -> Result) async throws -> Result {
        var interruptions = 0
        while true {
            do {
                let result = try await body()
                rereads.interrupted(errand, by: nil)
                return result
            } catch let failure as Failure where failure.kind == .chunkInterrupted {
                interruptions += 1
                rereads.interrupted(errand, by: failure.message)
                try await Task.sleep(for: RetryPolicy.backoff(interruptions))
            }
        }
    }

    /// - Returns: whether the failure is about this piece alone, and dealt with.
    func goesOn(after failure: Failure, in piece: BackfillPiece) -> Bool {
        switch failure.kind {
        case .chunkInterrupted:
            gate.charge(-piece.limit)
            board.interrupted(piece, reason: failure.message)
        case .dataRefused: refuse(piece, failure)
        default: return false
        }
        return true
    }

    /// Nothing of the piece is written, and its segment goes no further; everything else does.
    func refuse(_ piece: BackfillPiece, _ failure: Failure) {
        board.refused(piece, logged(refusal(failure, of: piece.route)))
    }

    /// A row that was to be read again stays as it is, and what stands of it in the state database.
    func refuse(_ route: Route, _ failure: Failure) { board.refused(route, logged(refusal(failure, of: route))) }

    private func logged(_ refusal: Failure) -> Failure {
        logger.error("a chunk can't be written, the others go on", metadata: ["reason": "\(refusal.message)"])
        return refusal
    }

    func refusal(_ failure: Failure, of route: Route) -> Failure {
        let key = tables[route]?.key.joined(separator: ", ") ?? ""
        return Failure(
            .dataRefused, "a chunk of table \(route), read by its key (\(key)), can't be written: \(failure.message)",
            hint: (failure.hint.map { "\($0) " } ?? "")
                + "Then start again: the backfill goes on at that chunk, and nothing else of it is left.")
    }

    /// What can't be written ends a backfill that was asked for, of a table that was whole before. More of it may come
    /// until the stream starts again without the backfill: each time ends it once more, and that changes nothing.
    func settleRefusals() async throws {
        let refusals = board.refusals
        for route in Set(refusals.map(\.route)) where tables[route]?.isAsked == true {
            guard let refusal = refusal(refusals.filter { $0.route == route }.map(\.failure)) else { continue }
            try await end(route, because: refusal)
        }
    }

    /// Nothing more is read of the table. The stream starts again without its backfill, as at any order.
    func end(_ route: Route, because failure: Failure) async throws {
        logger.error("backfill given up", metadata: ["table": "\(route)", "reason": "\(failure.message)"])
        board.remove(route)
        try await giveUp(route, failure)
    }

    /// What the run ends with once everything else is done; nil when everything can be written.
    var lastRefusal: Failure? {
        refusal(board.refusals.filter { tables[$0.route]?.isAsked != true }.map(\.failure))
    }

    /// The end of a backfill that is whole but for some chunks; nil when there are none.
    private func refusal(_ refusals: [Failure]) -> Failure? {
        guard let first = refusals.first, refusals.count > 1 else { return refusals.first }
        return Failure(
            first.kind, "\(first.message) (and \(refusals.count - 1) more, named in the log)", hint: first.hint)
    }
}
