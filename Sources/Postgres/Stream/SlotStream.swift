import Model

/// A running stream of a slot over a replication connection.
struct SlotStream: ChangeStream {
    let source: PostgresSource
    let connection: ReplicationConnection
    let statusInterval: Duration
    /// NaN and the infinities come as null.
    let hidesSpecialNumbers: Bool

    func receive(maxBytes: Int, isPatient: Bool, until deadline: ContinuousClock.Instant) async throws -> [Frame] {
        do {
            return try await connection.receive(maxBytes: maxBytes, isPatient: isPatient, until: deadline)
        } catch let error as ServerError {
            throw await source.streamFailure(error)
        }
    }

    func hurry() { connection.hurry() }

    func sendStatus(received: LSN, applied: LSN) async throws {
        do {
            try await connection.sendStatus(received: received, applied: applied)
        } catch let error as ServerError {
            throw await source.streamFailure(error)
        }
    }

    func makeDecoder() -> any ChangeDecoder {
        switch source.settings.plugin {
        case .pgoutput: PgOutputDecoder()
        case .wal2json: Wal2JSONDecoder(leavesDoubt: hidesSpecialNumbers)
        }
    }

    func close() async { await connection.close() }
}
