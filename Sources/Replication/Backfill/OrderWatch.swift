import Logging
import Model

/// Looks whether something is asked of a table, its backfill, or what of it is held back, that a running stream does not
/// know of. There is no second way to deal with it: the stream ends and starts again, and the start finds it.
struct OrderWatch: Sendable {
    let store: any StateStore
    let pipeline: String
    /// What stands when everything is settled that was asked: what came while that was done is still to be found.
    let known: [Route: BackfillOrders]
    /// Whether something waits for the transaction that is applied in part.
    let awaitsWholeTransaction: Bool
    let letters: Int64
    let logger: Logger

    /// - Parameters:
    ///   - unsettled: tables of which more is asked than can be done now.
    ///   - letters: `HeldLetters.orders`.
    init(
        store: any StateStore, pipeline: String, tables: [TableState], unsettled: Set<Route> = [],
        awaitsWholeTransaction: Bool = false, letters: Int64 = 0, logger: Logger
    ) {
        self.awaitsWholeTransaction = awaitsWholeTransaction
        self.letters = letters
        self.store = store
        self.pipeline = pipeline
        known = Dictionary(
            tables.map { table in
                let stays = unsettled.contains(table.route)
                return (
                    table.route,
                    BackfillOrders(
                        requestedAt: nil, isPaused: table.orders.isPaused, isCancelled: false,
                        membership: stays ? table.membership : .member, acceptsChange: stays && table.acceptsChange)
                )
            }, uniquingKeysWith: { first, _ in first })
        self.logger = logger
    }

    /// Returns when there is something else; throws `CancellationError` only.
    func waitForChange() async throws {
        while true {
            try await Task.sleep(for: .seconds(1))
            do {
                if try await store.orders(of: pipeline) != known { return }
                if awaitsWholeTransaction, try await store.load(pipeline)?.checkpoint?.open == nil { return }
                if try await store.letterOrders(of: pipeline) != letters { return }
            } catch let failure as Failure {
                // The sink notices by itself when the target is gone.
                logger.debug("orders can't be looked for", metadata: ["reason": "\(failure.message)"])
            }
        }
    }
}
