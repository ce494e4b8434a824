/// Where changes come from: a replication slot.
package protocol ChangeSource: Sendable {
    /// Starts the stream after `position`, having made sure that the slot still covers it.
    ///
    /// - Throws: `Failure` of kind `.inUse`, `.dataGap`, `.denied`, `.unreachable`.
    func open(after position: LSN) async throws -> any ChangeStream

    /// Resolves a relation with the catalogue: its types, and what the stream doesn't say of it.
    func resolve(_ relation: WireRelation) async throws -> TableVersion

    /// Looks whether the publication still has a table that is not part of the pipeline. (It had it when a change was
    /// made: the server decodes with the catalogue as it was then.)
    ///
    /// - Returns: the published table that it is a partition of. The server announces partitions too, and sends their
    ///   changes as those of that table. nil for any other table.
    /// - Throws: `Failure(.configuration)` with the statement that takes it out again; `.dataGap` when it is another
    ///   name of a table that is published.
    func requireUnpublished(_ table: TableSchema) async throws -> TableName?

    /// Puts in what the plugin could not say of these changes of one transaction; only for a decoder with
    /// `leavesDoubt`. A row that has changed since may be shown as it was before or as it is now.
    func settle(_ changes: [Change], of xid: UInt32) async throws -> [Change]

    /// Writes a transactional logical message into the source's WAL and returns its position; the stream passes it
    /// soon afterwards, idle or not.
    func emitHeartbeat() async throws -> LSN
}

extension ChangeSource {
    /// For sources that say everything.
    package func settle(_ changes: [Change], of xid: UInt32) async throws -> [Change] { changes }

    /// For sources that can't look.
    package func requireUnpublished(_ table: TableSchema) async throws -> TableName? {
        throw Failure(
            .configuration, "table \(table.name) is in the publication but not in the pipeline",
            hint:
                "To replicate it: `wherry tables add \(table.name)`, then start again. If somebody only published it, take "
                + "it out again with ALTER PUBLICATION … DROP TABLE.")
    }
}

/// One running stream. One owner calls `receive` and `sendStatus` in turn.
package protocol ChangeStream: Sendable {
    /// Waits until something has arrived or the deadline has passed, and returns what there is, up to about `maxBytes`.
    ///
    /// - Parameter isPatient: nobody waits for it, so little is left where it is until more comes, `hurry` is called, or
    ///   the deadline passes: a stream read message by message costs more than its messages.
    /// - Throws: `Failure` of kind `.sourceInterrupted` when the connection is gone.
    func receive(maxBytes: Int, isPatient: Bool, until deadline: ContinuousClock.Instant) async throws -> [Frame]

    /// Somebody waits now: ends a patient `receive` with what there is. From any task, at any time.
    func hurry()

    /// A standby status update. Everything before `applied` may be forgotten by the server.
    func sendStatus(received: LSN, applied: LSN) async throws

    /// How often the server wants to hear of us at least.
    var statusInterval: Duration { get }

    func makeDecoder() -> any ChangeDecoder

    func close() async
}

/// One message of the replication protocol, not decoded yet.
package enum Frame: Sendable {
    /// A whole XLogData message, its header of 25 bytes included (the buffer is the C library's own); `end` is the
    /// position the server has sent up to.
    case data(ByteBlock, end: LSN)
    case keepalive(position: LSN, replyRequested: Bool)
}

/// Frames in, events out. Holds the relations the stream has announced.
package protocol ChangeDecoder {
    /// nil for messages without meaning for us (ORIGIN, TYPE).
    ///
    /// - Throws: `Failure` of kind `.unexpected` with position, message type and offset when the bytes make no sense.
    mutating func decode(_ frame: Frame) throws -> StreamEvent?

    /// Whether a null in what it makes may stand for something else, which `ChangeSource.settle` knows.
    var leavesDoubt: Bool { get }

    /// Makes a relation known, in answer to `StreamEvent.relation`.
    ///
    /// - Returns: what the frame that needed it holds besides, to be taken once the table is known to everybody.
    @discardableResult
    mutating func register(_ table: TableVersion) throws -> StreamEvent?
}

extension ChangeDecoder {
    package var leavesDoubt: Bool { false }
}
