import Logging
import Model

/// Turns frames into batches: decodes, holds a source transaction together until its commit, folds it into the batch
/// under construction, and hands batches to the writer: a full one at once, any other when the writer has nothing to
/// do.
struct ChangePreparer {
    /// Where the stream starts: the transaction it may have to skip the beginning of.
    private var resumed: Checkpoint.OpenTransaction?
    /// Changes of the resumed transaction that are applied already and still to come.
    private var toSkip = 0

    private let adaptive: AdaptiveLimits
    /// As of the last transaction's beginning.
    private var limits: BatchLimits
    private let source: any ChangeSource
    private var decoder: any ChangeDecoder
    private var plans: PlanTable
    private let handoff: StepHandoff

    /// What those who read beside the stream have to know of it; nil when nobody can.
    private var filter: ChunkFilter?
    /// Tokens of chunks that the open transaction carries.
    private var tokens: [String] = []
    private let refusals: RefusalPolicies

    private var batch = BatchBuilder()
    /// The last end of a transaction that has been put into a batch.
    private var position: Checkpoint
    /// The transaction whose commit has not arrived yet.
    private var open: OpenTransaction?
    /// Looks after the columns of its tables; nil where nobody does.
    private let watch: SchemaWatch?
    /// Tables that are not part of the pipeline.
    private var strangers = Strangers()
    private var idlePositionDue = ContinuousClock.now

    init(
        from checkpoint: Checkpoint, limits: AdaptiveLimits, source: any ChangeSource, decoder: any ChangeDecoder,
        plans: PlanTable, handoff: StepHandoff, filter: ChunkFilter? = nil,
        watch: SchemaWatch? = nil, refusals: RefusalPolicies = RefusalPolicies()
    ) {
        self.refusals = refusals
        self.adaptive = limits
        self.limits = limits.current
        self.source = source
        self.decoder = decoder
        self.plans = plans
        self.handoff = handoff
        self.filter = filter
        self.watch = watch
        position = checkpoint
        resumed = checkpoint.open
        position.open = nil
    }

    /// Runs until cancelled.
    mutating func run(_ queue: FrameQueue) async throws {
        while !Task.isCancelled {
            let frames = await queue.pop()
            for frame in frames {
                guard let event = try decoder.decode(frame) else { continue }
                // Nearly all are changes that nothing has to be waited for.
                if case .change(let change) = event, try add(change) { continue }
                try await take(event)
            }
            if queue.isEmpty { await flushIfWanted(minimum: 0) }
        }
    }

    private mutating func take(_ event: StreamEvent) async throws {
        switch event {
        case .begin(let start): try begin(start)
        case .relation(let relation):
            let table = plans.completed(try await source.resolve(relation))
            let waiting = try decoder.register(table)
            if plans.contains(table) {
                let commit = open?.start.commitLSN ?? position.lsn
                if !table.isGone { try await obey(try await watch?.look(at: table, committing: commit)) }
                try plans.register(table)
            } else {
                strangers.add(table, root: try await root(of: table))
            }
            if filter == nil, plans.mayReadAgain { throw BackfillPlanner.noRereads(of: table.schema.name) }
            if let waiting { try await take(waiting) }
        case .change(let change):
            if try add(change) { return }
            try await splitOpenTransaction()
            guard case .truncate(let tables)? = try strangers.leaveOut(of: change) else { return _ = try add(change) }
            await truncate(tables)
        case .commit(let end): try await commit(end)
        case .message(let message):
            if open != nil, let token = ChunkToken.read(message) { tokens.append(token) }
            if message.prefix == DDLMessage.prefix { try await obey(try await watch?.look(at: message)) }
        case .position(let lsn):
            // A keepalive inside a transaction says nothing about it; outside, all that committed before has been sent.
            if open == nil, lsn > position.lsn, resumed == nil {
                position.lsn = lsn
                batch.advance(to: position, endsTransaction: false)
            }
        }
    }

    /// The published table that a stranger is a partition of.
    private func root(of stranger: TableVersion) async throws -> TableName? {
        guard let watch else { return try await source.requireUnpublished(stranger.schema) }
        return try await watch.root(of: stranger)
    }

    /// What came before is written, and nothing behind it.
    private mutating func obey(_ verdict: SchemaWatch.Verdict?) async throws {
        guard case .hold(let reason) = verdict else { return }
        await flush()
        try await watch?.hold(reason)
    }

    private mutating func begin(_ start: TransactionStart) throws {
        guard open == nil else { throw Failure(.unexpected, "the stream began a transaction inside another one") }
        limits = adaptive.current
        open = OpenTransaction(start: start)
        guard let resumed else { return }
        guard resumed.xid == start.xid, resumed.commitLSN == start.commitLSN else {
            throw Failure(
                .dataGap,
                "the stream goes on with transaction \(start.xid) at \(start.commitLSN), but \(resumed.appliedChanges) "
                    + "changes of transaction \(resumed.xid) at \(resumed.commitLSN) are applied and the rest is missing",
                hint: "Slot and checkpoint no longer belong together. \(Failure.acceptGap)")
        }
        toSkip = resumed.appliedChanges
        open?.isSplit = true
        open?.countsStrangers = resumed.countsStrangers
        self.resumed = nil
    }

    /// Adds a change to the open transaction.
    ///
    /// - Returns: false when what is there of the transaction has to be written first.
    private mutating func add(_ change: Change) throws -> Bool {
        guard open != nil else { throw Failure(.unexpected, "the stream sent a change outside of a transaction") }
        // Strangers don't count: which of them the server leaves out by itself may be another matter after a restart.
        let own = try strangers.leaveOut(of: change)
        guard own != nil || open?.countsStrangers == true else { return true }
        if toSkip > 0 {
            toSkip -= 1
            open?.ordinal += 1
            return true
        }
        if let own {
            if case .truncate = own { return false }
            guard open?.hasRoom(for: own, in: limits) == true else { return false }
            if let copies = plans.copies(of: own) {
                open?.changes += copies
                open?.bytes += own.byteCount * copies.count
            } else {
                open?.changes.append(own)
                open?.bytes += own.byteCount
            }
        }
        open?.ordinal += 1
        return true
    }

    private mutating func truncate(_ tables: [TableVersion]) async {
        let parts = Set(tables.flatMap(plans.parts)).sorted { $0.description < $1.description }
        if let xid = open?.start.xid { filter?.recordTruncation(of: parts, by: xid) }
        await handoff.put(.truncate(parts))
        open?.ordinal += 1
    }

    /// Puts what is there of the open transaction into batches of its own: the transaction is too large for one, or a
    /// truncation stands in it.
    private mutating func splitOpenTransaction() async throws {
        guard var transaction = open else { return }
        await flush()
        if transaction.changes.isEmpty { return }
        try await settle(&transaction)
        let isFirst = !transaction.isSplit
        try fold(transaction.changes, of: transaction.start)
        transaction.changes = []
        transaction.bytes = 0
        transaction.isSplit = true
        var checkpoint = position
        checkpoint.fence = filter?.currentFence()
        checkpoint.open = Checkpoint.OpenTransaction(
            xid: transaction.start.xid, commitLSN: transaction.start.commitLSN, appliedChanges: transaction.ordinal)
        checkpoint.open?.countsStrangers = transaction.countsStrangers
        open = transaction
        batch.advance(to: checkpoint, endsTransaction: false)
        if isFirst { batch.markSplit() }
        await flush()
    }

    private func settle(_ transaction: inout OpenTransaction) async throws {
        guard decoder.leavesDoubt else { return }
        transaction.changes = try await source.settle(transaction.changes, of: transaction.start.xid)
    }

    private mutating func commit(_ end: TransactionEnd) async throws {
        guard var transaction = open, transaction.start.commitLSN == end.commitLSN, toSkip == 0 else {
            throw Failure(.unexpected, "the stream committed a transaction that it had not begun, or not sent whole")
        }
        try await settle(&transaction)
        if !batch.isEmpty,
            batch.load + transaction.changes.count > limits.operations
                || batch.bytes + transaction.bytes > limits.bytes
        {
            await flush()
        }
        try fold(transaction.changes, of: transaction.start)
        open = nil
        position = Checkpoint(lsn: end.endLSN, commitTime: end.commitTime)
        position.fence = filter?.currentFence()
        batch.advance(to: position, endsTransaction: true)
        if !tokens.isEmpty { return try await admitChunks() }
        if batch.load >= limits.operations || batch.bytes >= limits.bytes {
            await flush()
        } else {
            // The writer idles: what there is will do, unless more is at hand and this is little.
            await flushIfWanted(minimum: limits.operations / 4)
        }
    }

    /// Hands over the chunks whose turn it is: behind everything that committed before their rows were read.
    private mutating func admitChunks() async throws {
        var before = seal()
        for token in tokens {
            guard let admission = filter?.admit(token) else { continue }
            switch admission {
            case .chunk(let chunk): await handoff.put(.chunk(chunk, behind: before))
            case .tell(let tell):
                if let before { await handoff.put(.batch(before)) }
                await handoff.put(.tell(tell))
            }
            before = nil
        }
        if let before { await handoff.put(.batch(before)) }
        tokens = []
    }

    /// Puts changes into the batch; whatever version of a table came before the newest isn't needed any more then.
    private mutating func fold(_ changes: [Change], of transaction: TransactionStart) throws {
        do {
            let recorded = try filter?.record(changes, of: transaction.xid, plans: plans)
            batch.rereads += recorded?.rereads ?? []
            var readAgain = recorded?.readAgain[...] ?? []
            let unfinished = filter?.unfinished ?? []
            for (place, change) in changes.enumerated() {
                if readAgain.first == place {
                    readAgain.removeFirst()
                    try batch.addReadAgain(change, plans: plans)
                } else {
                    try add(change, of: transaction, unfinished)
                }
            }
        } catch let failure as Failure where failure.kind == .dataRefused {
            throw Failure(
                .dataRefused, failure.message,
                hint: "Nothing was skipped. The change stands in the log, so a row mended now comes too late: have it "
                    + "held back with apply.on_refused: dead_letter, or mend it, remove the pipeline with `wherry drop` "
                    + "and run it again for a new copy.")
        }
        plans.forgetReplaced()
    }

    /// Puts one change into the batch, as a letter if it makes no document and that is what the policy says.
    private mutating func add(
        _ change: Change, of transaction: TransactionStart, _ unfinished: Set<CollectionPart>
    ) throws {
        // One whose key can't be written is of no key that is held.
        if batch.hasLetters,
            let letter = try? DeadLetter(change, of: transaction, because: HeldKeys.followsAnother, plans: plans),
            batch.holdsBack(letter.heldKeys)
        {
            return batch.add(letter, of: change)
        }
        do {
            try batch.add(change, plans: plans, unfinished: unfinished)
        } catch let failure as Failure where failure.kind == .dataRefused {
            guard refusals.holdsBack(failure) else { throw failure.naming(try? plans.key(of: change)) }
            batch.add(try DeadLetter(change, of: transaction, because: failure.message, plans: plans))
        }
    }

    private mutating func flushIfWanted(minimum: Int) async {
        guard handoff.isWanted, !batch.isEmpty, batch.load >= minimum else { return }
        if !batch.hasWrites, batch.counts.changes == 0 {
            // Only the position has moved. Once a second is enough for the slot, and keeps an idle pipeline idle.
            let now = ContinuousClock.now
            guard now >= idlePositionDue else { return }
            idlePositionDue = now + .seconds(1)
        }
        await flush()
    }

    private mutating func flush() async {
        if let sealed = seal() { await handoff.put(.batch(sealed)) }
    }

    private mutating func seal() -> WriteBatch? { batch.seal(incomplete: filter?.unfinished ?? []) }
}
