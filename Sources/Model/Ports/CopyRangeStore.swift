/// The ranges of shared copies, in the state database: who copies what, and what is finished. Leases run by the
/// target's own clock. Interruptions of the target are waited out inside.
///
/// A range's documents are written only in transactions that also write the range's own claim. Two transactions that
/// write one document conflict, so once a range is finished, claimed by another or gone, no writer that had it before
/// can commit anything any more, however long it was frozen. Leases only decide when a range is given to another; a
/// lease that was judged wrongly costs time and nothing else.
package protocol CopyRangeStore: Sendable {
    /// The server session of its transactions: a successor kills it with those of the sinks.
    var session: SessionID { get async throws }

    /// Publishes a copy with its ranges, which are claimed in their order.
    ///
    /// - Throws: `Failure(.fenced)` when the leader's epoch has moved on.
    func publish(_ copy: SharedCopy, _ ranges: [CopyRange]) async throws

    /// The copy of a pipeline that is under way, with a leader that has been heard of.
    func current(of pipeline: String) async throws -> SharedCopy?

    /// Gives the first range that nobody has, or whose lease is over, to a writer that has none.
    ///
    /// - Returns: nil when nothing can be claimed now.
    func claim(in copy: SharedCopy, for holder: SessionID) async throws -> RangeClaim?

    /// All documents of the range are durable. Without effect when it is not the holder's any more.
    func finish(_ claim: RangeClaim) async throws

    /// These writers copy no more: what they have is free at once.
    func release(_ copy: SharedCopy, holders: [SessionID]) async throws

    /// Lengthens the leases of these writers and, for the leader, its own.
    func keep(_ copy: SharedCopy, holders: [SessionID], asLeader: Bool) async throws

    func standing(of copy: SharedCopy) async throws -> CopyStanding

    /// How far each table is, by what can't be rolled back.
    func progress(of copy: SharedCopy) async throws -> [SharedTableProgress]

    /// Ends every copy of the pipeline up to this epoch: when it returns, no writer of theirs can commit anything any
    /// more. Repeating it is harmless.
    ///
    /// - Throws: `Failure(.fenced)` when the epoch has moved on.
    func close(_ pipeline: String, epoch: Int64, isWhole: Bool) async throws
}
