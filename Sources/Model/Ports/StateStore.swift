/// The state database. Every write but `saveProgress` and `leave` is majority-durable when it returns; `takeOver`,
/// `save` and `note` are conditional on the epoch.
package protocol StateStore: Sendable {
    /// The server session of its transactions: a successor kills it with those of the sinks.
    var session: SessionID { get async throws }

    func load(_ pipeline: String) async throws -> PipelineState?

    /// All pipelines, by name.
    func all() async throws -> [PipelineState]

    /// The tables of a pipeline, by name.
    func tables(of pipeline: String) async throws -> [TableState]

    /// Writes a pipeline that is new, with its tables.
    ///
    /// - Throws: `Failure(.inUse)` when it exists already.
    func create(_ state: PipelineState, tables: [TableState]) async throws

    /// Takes a pipeline over: sets epoch + 1, the new sessions and worker, provided that the epoch is still the one in
    /// `state`, and kills the sessions of the worker before, so that nothing it began can come through any more. Returns
    /// the state as stored after that.
    ///
    /// - Throws: `Failure(.inUse)` when another worker was faster.
    func takeOver(_ state: PipelineState, sessions: [SessionID], worker: WorkerIdentity) async throws -> PipelineState

    /// Writes stage, copy attempt and identity of the worker's own pipeline, and its checkpoint and statistics when the
    /// stored one has no checkpoint yet: from the first one on they are the sink's.
    ///
    /// - Throws: `Failure(.fenced)` when the epoch has moved on.
    func save(_ state: PipelineState) async throws

    /// Writes the progress of tables. Informational: whoever writes last wins, whatever its epoch.
    func saveProgress(_ tables: [TableState], of pipeline: String) async throws

    /// Writes the plan of tables' live backfills, before anything is read, and removes that of tables that have none,
    /// with the rows that were to be read again for it. From then on their progress is the sink's. What a table's
    /// `wanted` asks for is settled with it; a table of which something else is asked by now is left as it is.
    ///
    /// - Throws: `Failure(.fenced)` when the epoch has moved on.
    func saveBackfills(_ tables: [TableState], of state: PipelineState) async throws

    /// Asks for the backfills that tables' `wanted` describe, whatever is asked for or under way.
    ///
    /// - Throws: `Failure(.fenced)` when the epoch has moved on.
    func want(_ tables: [TableState], of state: PipelineState) async throws

    /// Gives up what is asked of a table, or its backfill when that has begun, and notes why.
    func refuse(_ table: TableState, because reason: Failure, of pipeline: String) async throws

    /// Asks for a backfill of a table as it was seen.
    ///
    /// - Returns: false, with nothing changed, when another one is asked for or has begun meanwhile.
    func ask(_ request: BackfillRequest, of table: TableState, in pipeline: String) async throws -> Bool

    /// Writes an order about what is asked of the table, or about its backfill, as it was seen.
    ///
    /// - Returns: false, with nothing changed, when it is another one by now.
    func order(_ order: BackfillOrder, of table: TableState, in pipeline: String) async throws -> Bool

    /// What is asked of every table and collection.
    func orders(of pipeline: String) async throws -> [Route: BackfillOrders]

    /// Writes tables as a start of the stream has found them, all at once: name, key, shape, membership, what is asked
    /// and accepted. What else is stored of them stays. One that isn't there is new.
    ///
    /// - Throws: `Failure(.fenced)` when the epoch has moved on; `.targetInterrupted` when an operator has asked
    ///   something at the same moment.
    func write(_ updates: [TableUpdate], of state: PipelineState) async throws

    /// Removes tables with their rows that are to be read again, and notes which have left with all their collections.
    ///
    /// - Throws: `Failure(.fenced)` when the epoch has moved on.
    func remove(_ tables: [TableState], of state: PipelineState) async throws

    /// Adds a table that is to join, and forgets that it has left.
    ///
    /// - Returns: false, with nothing changed, when it is there already.
    func join(_ table: TableState, in pipeline: String) async throws -> Bool

    /// Writes what an operator wants of a table, whatever its collections; of one that is to leave, also that it stays out.
    ///
    /// - Returns: false when it isn't there.
    func order(_ order: TableOrder, of table: TableName, in pipeline: String) async throws -> Bool

    /// Tables that are not to be part of the pipeline.
    func leftTables(of pipeline: String) async throws -> Set<LeftTable>

    /// Puts a checkpoint in the place of the stored one: changes between the two are not in the stream.
    ///
    /// - Throws: `Failure(.fenced)` when the epoch has moved on.
    func replaceCheckpoint(_ checkpoint: Checkpoint, of state: PipelineState) async throws

    /// The keys that are held back, and how many letters there are.
    func heldLetters(of pipeline: String) async throws -> HeldLetters

    /// Another number each time somebody has asked for something of the letters.
    func letterOrders(of pipeline: String) async throws -> Int64

    /// Rows that have to be read again, for one cause or any; `limit` of them at most, 0 for all.
    func rereads(of pipeline: String, _ cause: Reread.Cause?, limit: Int) async throws -> [Reread]

    /// Notes why the worker stopped; never throws away a newer worker's note (conditional on the epoch).
    func note(_ error: LastError?, of pipeline: String, epoch: Int64) async throws

    /// Removes the worker's own pipeline with its tables at once; its ledger must be empty. Fine when it is gone
    /// already: it may be repeated after an interruption.
    ///
    /// - Throws: `Failure(.fenced)` when the epoch has moved on.
    func retire(_ state: PipelineState) async throws

    /// Removes everything the state database holds of a pipeline.
    func remove(_ pipeline: String) async throws

    /// What `wherry set` has set of a pipeline.
    func limits(of pipeline: String) async throws -> BackfillLimits

    /// Changes what `limits(of:)` gives: the keys with a bound are set, those with nil go back to the configuration.
    /// Not in the pipeline's document, which every batch of the worker writes.
    func setLimits(_ changes: [BackfillLimits.Key: BackfillLimits.Bound?], of pipeline: String) async throws

    /// What the pipeline's last worker has left for `wherry status`; nil when none has.
    func workerNote(of pipeline: String) async throws -> WorkerNote?

    /// Leaves a note. Informational: whoever writes last wins, and its epoch tells who that was.
    func leave(_ note: WorkerNote, of pipeline: String) async throws
}

extension StateStore {
    /// All rows that have to be read again.
    package func rereads(of pipeline: String) async throws -> [Reread] {
        try await rereads(of: pipeline, nil, limit: 0)
    }

    /// Rows that a backfill or a copy has left: before they are read again not everything is whole.
    package func rereadsBeforeWhole(of pipeline: String, limit: Int) async throws -> [Reread] {
        try await rereads(of: pipeline, .backfill, limit: limit) + rereads(of: pipeline, .copy, limit: limit)
    }

    /// Whether there are any.
    package func hasRereadsBeforeWhole(_ pipeline: String) async throws -> Bool {
        try await !rereadsBeforeWhole(of: pipeline, limit: 1).isEmpty
    }
}
