import Model

/// A running pgoutput stream over a replication connection.
struct PgOutputStream: ChangeStream {
    let source: PostgresSource
    let connection: ReplicationConnection
    let statusInterval: Duration

    func receive(maxBytes: Int, until deadline: ContinuousClock.Instant) async throws -> [Frame] {
        do {
            return try await connection.receive(maxBytes: maxBytes, until: deadline)
        } catch let error as ServerError {
            throw await source.streamFailure(error)
        }
    }

    func sendStatus(received: LSN, applied: LSN) async throws {
        do {
            try await connection.sendStatus(received: received, applied: applied)
        } catch let error as ServerError {
            throw await source.streamFailure(error)
        }
    }

    func makeDecoder() -> any ChangeDecoder { PgOutputDecoder() }

    func close() async { await connection.close() }
}
