import BSON
import Model
import Synchronization

/// A target in memory that keeps what it was told, checks the order of checkpoints, and can hold or break a write.
final class RecordingSink: DocumentSink {
    enum Step: Sendable {
        case batch(WriteBatch)
        case truncate([CollectionPart], at: Checkpoint)
        case chunk(ChunkWrite, at: Checkpoint)
        case forgetLetters([CollectionPart])
    }

    private struct State {
        var steps: [Step] = []
        var target: TargetModel
        var checkpoint: Checkpoint
        var epoch: Int64?
        var isClosed = false
    }

    private let state: Mutex<State>
    /// Every write passes here first.
    let gate: Gate
    /// Asked with the number of the batch, from 1, before it is applied; what it returns is thrown instead.
    private let failure: @Sendable (Int) -> Failure?
    /// Whether a batch and the chunk behind it may be one transaction.
    private let appliesTogether: Bool
    /// What a chunk meets that goes alone.
    private let chunkFailure: Failure?
    /// Keys whose writes are refused, each by its place.
    private let refuses: Set<BSONDocument>

    init(
        _ target: TargetModel = TargetModel(), from checkpoint: Checkpoint = Checkpoint(lsn: LSN(rawValue: 1000)),
        gate: Gate = Gate(isOpen: true), appliesTogether: Bool = true, chunkFailure: Failure? = nil,
        refuses: Set<BSONDocument> = [],
        failure: @escaping @Sendable (Int) -> Failure? = { _ in nil }
    ) {
        self.appliesTogether = appliesTogether
        self.chunkFailure = chunkFailure
        self.refuses = refuses
        state = Mutex(State(target: target, checkpoint: checkpoint))
        self.gate = gate
        self.failure = failure
    }

    var steps: [Step] { state.withLock { $0.steps } }
    var target: TargetModel { state.withLock { $0.target } }
    var checkpoint: Checkpoint { state.withLock { $0.checkpoint } }
    var epoch: Int64? { state.withLock { $0.epoch } }
    var isClosed: Bool { state.withLock { $0.isClosed } }

    var batches: [WriteBatch] {
        steps.compactMap { if case .batch(let batch) = $0 { batch } else { nil } }
    }

    var session: SessionID { get async throws { SessionID(bytes: [UInt8](repeating: 1, count: 16)) } }

    func begin(epoch: Int64) async { state.withLock { $0.epoch = epoch } }

    func apply(_ batch: WriteBatch, after previous: Checkpoint) async throws {
        try await gate.pass()
        if let failure = failure(batches.count + 1) { throw failure }
        for writes in batch.collections { try accept(writes) }
        try state.withLock { state in
            guard state.checkpoint == previous else { throw Failure(.fenced, "the checkpoint is another one") }
            try state.target.apply(batch)
            state.checkpoint = batch.checkpoint
            state.steps.append(.batch(batch))
        }
    }

    private func accept(_ writes: CollectionWrites) throws {
        let position = writes.writes.firstIndex { refuses.contains(BSONDocument(unchecked: writes.bytes($0.key))) }
        guard let position else { return }
        var failure = Failure(.dataRefused, "the target refuses it")
        failure.place = Failure.Place(collection: writes.collection, position: position)
        throw failure
    }

    func write(_ chunk: ChunkWrite, at checkpoint: Checkpoint) async throws -> Int {
        try await gate.pass()
        if let chunkFailure { throw chunkFailure }
        return try state.withLock { state in
            guard state.checkpoint == checkpoint else { throw Failure(.fenced, "the checkpoint is another one") }
            try state.target.apply(
                WriteBatch(checkpoint: checkpoint, collections: [chunk.documents], counts: WriteBatch.Counts()))
            state.steps.append(.chunk(chunk, at: checkpoint))
            return chunk.documents.writes.count { $0.kind == .delete }
        }
    }

    func apply(_ batch: WriteBatch, with chunk: ChunkWrite, after previous: Checkpoint) async throws -> Int? {
        guard appliesTogether else { return nil }
        try await apply(batch, after: previous)
        return try await write(chunk, at: batch.checkpoint)
    }

    func truncate(_ parts: [CollectionPart], at checkpoint: Checkpoint) async throws {
        try await gate.pass()
        try state.withLock { state in
            guard state.checkpoint == checkpoint else { throw Failure(.fenced, "the checkpoint is another one") }
            state.target.truncate(parts)
            state.steps.append(.truncate(parts, at: checkpoint))
        }
    }

    func forgetLetters(of parts: [CollectionPart], at checkpoint: Checkpoint) async throws {
        state.withLock { $0.steps.append(.forgetLetters(parts)) }
    }

    func close() async { state.withLock { $0.isClosed = true } }
}
