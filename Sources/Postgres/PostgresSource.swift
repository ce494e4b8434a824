import Logging
import Model

/// The PostgreSQL side of one pipeline: a control connection for questions and, from `acquire` on, a replication
/// connection that marks the one active worker and later carries the stream.
///
/// Nothing connects before it is needed, and a control connection that was lost is opened again by the next call.
package actor PostgresSource: SourceDatabase {
    package nonisolated let settings: SourceSettings
    package nonisolated let target: ConnectionTarget
    let logger: Logger

    private var controlConnection: PostgresConnection?
    /// For questions about rows, which wait for whoever has a table locked.
    private var questionConnection: PostgresConnection?
    private var typeCatalog: TypeCatalog?
    /// The replication connection, once the worker's lock is on it.
    var replication: ReplicationConnection?
    /// In its place, where no replication is used: an ordinary connection with the lock, and with the exported
    /// snapshot.
    var holder: PostgresConnection?
    /// Its process on the server; kept here, because the connection can't answer while it waits.
    var replicationPID: Int?
    /// Any command on the replication connection would end the exported snapshot.
    var holdsSnapshot = false
    /// Why values come as text although binary was asked for; nil while binary is fine.
    var textReason: String?
    /// NaN and the infinities come as null: the plugin is a wal2json without the option against it.
    var hidesSpecialNumbers = false
    /// Numbers for tables that are in the log and no longer in the catalogue.
    var goneTables: [TableName: UInt32] = [:]
    /// What the catalogue has said of the columns that wal2json's lines name: by the table's oid and the column's name.
    var lineColumns: [UInt32: [String: LineColumn]] = [:]
    /// Filters of the publication that Wherry has put there, by table.
    var acceptedRowFilters: [TableName: String] = [:]
    /// The publication's tables as they were last seen beside a stream by wal2json, by oid.
    var publishedTables: [UInt32: PublishedTable] = [:]

    /// - Throws: `Failure` of kind `.configuration` for an unreadable URI.
    package init(_ settings: SourceSettings, logger: Logger) throws {
        self.settings = settings
        self.target = try ConnectionTarget(settings.uri)
        self.logger = logger
    }

    nonisolated var application: String { "wherry \(settings.pipeline)" }

    /// The control connection, opened again when it was lost.
    ///
    /// - Throws: `Failure` of kind `.unreachable`, `.denied`, `.configuration`, `.sourceInterrupted`.
    package func control() async throws -> PostgresConnection {
        if let controlConnection, await controlConnection.isUsable { return controlConnection }
        let opened = try await PostgresConnection.open(target, application: application)
        controlConnection = opened
        return opened
    }

    /// A connection on which only the stream waits; opened again when it was lost.
    ///
    /// - Throws: as `control`.
    func questioner() async throws -> PostgresConnection {
        if let questionConnection, await questionConnection.isUsable { return questionConnection }
        let opened = try await PostgresConnection.open(target, application: application)
        questionConnection = opened
        return opened
    }

    /// Asks on the control connection; when that turns out to be lost, once more on a new one. Only for statements that
    /// may run twice.
    func ask(_ sql: String, _ parameters: [String?] = [], doing action: String) async throws -> QueryResult {
        let connection = try await control()
        do {
            return try await connection.query(sql, parameters, doing: action)
        } catch let failure as Failure where failure.kind == .sourceInterrupted {
            guard await !connection.isUsable else { throw failure }
            return try await control().query(sql, parameters, doing: action)
        }
    }

    /// Asks the server who it is, on the replication connection if there is one, else on a passing one; with every
    /// sender taken, or where no replication is used, in SQL, where the timeline is that of the last checkpoint.
    package func identify() async throws -> SourceIdentity {
        let identity: QueryResult
        do {
            identity =
                settings.usesReplication
                ? try await onReplication("IDENTIFY_SYSTEM")
                : try await ask(CatalogQuery.identity, doing: "identify the source")
        } catch let error as ServerError where error.sqlState == SQLState.tooManyConnections {
            identity = try await ask(CatalogQuery.identity, doing: "identify the source")
        } catch let error as ServerError {
            throw error.failure(doing: "identify the source", at: target)
        }
        let answer = identity.records.first
        guard let answer, let system = answer["systemid"], let timeline = answer.int("timeline") else {
            throw Failure(.unexpected, "the source doesn't say who it is (IDENTIFY_SYSTEM)")
        }
        return SourceIdentity(
            systemIdentifier: system, timeline: timeline, database: answer["dbname"] ?? target.database,
            serverVersion: try await control().serverVersion)
    }

    /// Runs a command on the replication connection, or on a passing one while that streams, holds a snapshot or
    /// doesn't exist.
    private func onReplication(_ command: String) async throws -> QueryResult {
        if !holdsSnapshot, let replication, await replication.isUsable, await !replication.isStarted {
            return try await replication.run(command)
        }
        let passing = try await ReplicationConnection.open(target, application: application)
        let result = try await passing.run(command)
        await passing.close()
        return result
    }

    struct ServerPosition: Sendable {
        let database: String
        let flush: LSN
        let isInRecovery: Bool
        let walSenderTimeout: Duration
    }

    func serverPosition() async throws -> ServerPosition {
        let row = try await ask(CatalogQuery.position, doing: "read the server's position").records.first
        guard let row, let flush = row.lsn("flush_lsn") else {
            throw Failure(.unexpected, "the source doesn't say where its log stands")
        }
        return ServerPosition(
            database: row.text("database_name"), flush: flush,
            isInRecovery: row.bool("is_in_recovery"),
            walSenderTimeout: .milliseconds(row.int("wal_sender_timeout_ms") ?? 60_000))
    }

    /// End of the source's flushed WAL, for lag.
    package func currentLSN() async throws -> LSN { try await serverPosition().flush }

    package func emitHeartbeat() async throws -> LSN {
        let answer = try await ask(
            "SELECT pg_catalog.pg_logical_emit_message(true, 'wherry', '')", doing: "write a heartbeat")
        guard let lsn = answer.scalar.flatMap({ LSN($0) }) else {
            throw Failure(.unexpected, "the heartbeat has no position")
        }
        return lsn
    }

    // MARK: - Types

    /// The types of the source, read again when one of `oids` isn't among those known.
    func types(for oids: some Sequence<UInt32>) async throws -> TypeCatalog {
        if let typeCatalog, oids.allSatisfy({ typeCatalog.isComplete($0) }) { return typeCatalog }
        let loaded = TypeCatalog(try await ask(CatalogQuery.types, doing: "read the types"))
        typeCatalog = loaded
        return loaded
    }

    /// A type may have been altered meanwhile.
    func forgetTypes() { typeCatalog = nil }

    /// Which columns a COPY has to bring as text, parallel to the table's: those without a binary form, or without a
    /// codec for it.
    func textColumns(of table: TableSchema) async throws -> [Bool] {
        let types = try await types(for: table.columns.map(\.type.oid))
        return table.columns.map { !types.isSendable($0.type.oid) || !settings.hasBinaryCodec($0.type) }
    }

    package func resolve(_ relation: WireRelation) async throws -> TableVersion {
        let relation = relation.extent == .announced ? relation : try await complete(relation)
        let types = try await types(for: relation.columns.map(\.typeOID))
        let columns = relation.columns.map {
            Column(name: $0.name, type: types.type($0.typeOID), isIdentity: $0.isIdentity)
        }
        try requireDecodable(columns, of: relation.name, types)
        return TableVersion(
            schema: TableSchema(
                oid: relation.oid, name: relation.name, columns: columns, replicaIdentity: relation.replicaIdentity),
            isGone: goneTables[relation.name] == relation.oid)
    }

    /// Closes every connection; the worker's lock goes with them.
    package func close() async {
        await replication?.close()
        await holder?.close()
        await controlConnection?.close()
        await questionConnection?.close()
        questionConnection = nil
        replication = nil
        holder = nil
        holdsSnapshot = false
        controlConnection = nil
    }
}
