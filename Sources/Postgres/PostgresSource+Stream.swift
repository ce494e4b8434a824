import Logging
import Model

/// Starting the stream, and what it means when it ends.
extension PostgresSource {
    package func open(after position: LSN) async throws -> any ChangeStream {
        if let replication, await replication.isStarted {
            await replication.close()
            self.replication = nil
        }
        // The session before this one may take a moment to end on the server.
        try await acquire(wait: .seconds(10))
        guard let replication else { throw Failure(.unexpected, "the replication connection is missing") }
        let server = try await serverPosition()
        let slot = try await slot()
        if server.isInRecovery, slot == nil { throw PositionCheck.standby(target.address, settings.slot) }
        try PositionCheck.check(
            slot: slot, named: settings.slot, plugin: settings.plugin, database: server.database,
            position: position, serverFlush: server.flush)
        try await checkPublication()
        forgetTypes()
        try await chooseFormat()
        try await start(replication, after: position)
        if hidesSpecialNumbers { try await requireKeysAreTold() }
        // The server moves a start position that is too old forward without a word: see whether that has happened.
        try PositionCheck.check(
            slot: try await self.slot(), named: settings.slot, plugin: settings.plugin, database: server.database,
            position: position, serverFlush: .init(rawValue: .max))
        return SlotStream(
            source: self, connection: replication, statusInterval: Self.statusInterval(server.walSenderTimeout),
            hidesSpecialNumbers: hidesSpecialNumbers)
    }

    /// At most a second, and half of what the server is willing to wait (0: for ever).
    static func statusInterval(_ walSenderTimeout: Duration) -> Duration {
        walSenderTimeout == .zero ? .seconds(1) : max(.milliseconds(10), min(.seconds(1), walSenderTimeout / 2))
    }

    private func start(_ replication: ReplicationConnection, after position: LSN) async throws {
        let deadline = ContinuousClock.now + .seconds(10)
        // The copy is over when the stream starts: the snapshot may go.
        holdsSnapshot = false
        while true {
            do {
                // The creation of the slot has left its own limit, which must not end a wait while decoding.
                try await replication.run("SET lock_timeout = 0")
                return try await replication.start(
                    "START_REPLICATION SLOT \(quoteIdentifier(settings.slot)) LOGICAL \(position) "
                        + "(\(try await options().joined(separator: ", ")))")
            } catch let error as ServerError
                where !hidesSpecialNumbers && error.message.contains(Wal2JSONOptions.numbersAsStrings)
            {
                // An option that it doesn't know is an error of every wal2json.
                hidesSpecialNumbers = true
            } catch let error as ServerError where error.sqlState == SQLState.objectInUse {
                // Our own walsender of a moment ago ends soon; anybody else is named.
                guard .now < deadline, try await slot()?.activeApplication == application else {
                    throw try await slotInUse()
                }
                try await Task.sleep(for: .milliseconds(50))
            } catch let error as ServerError {
                throw streamFailure(error)
            }
        }
    }

    /// The plugin's own, each as SQL.
    private func options() async throws -> [String] {
        guard settings.plugin == .pgoutput else { return try await wal2JSONOptions() }
        var options = ["proto_version '1'", "publication_names \(quoteLiteral(quoteIdentifier(settings.publication)))"]
        if try await control().serverVersion >= 140_000 {
            options.append("binary '\(isBinary)'")
            options.append("messages 'true'")
        }
        return options
    }

    /// Classifies what ended the stream or kept it from starting.
    func streamFailure(_ error: ServerError) -> Failure {
        if let failure = pluginFailure(error) { return failure }
        switch error.sqlState {
        case SQLState.undefinedFunction where isBinary:
            useText("a type has no binary output function")
            return restartAsText
        case SQLState.undefinedObject where error.message.contains("publication"):
            // The server looks at the catalogue as it was at the change: a publication made since doesn't help.
            return Failure(
                .dataGap, "publication \(settings.publication) was missing when a change was made",
                hint: "Somebody dropped it; the slot can't get past that change, even if it is made again. "
                    + Failure.acceptGap)
        case SQLState.undefinedObject, SQLState.undefinedFile:
            return PositionCheck.lost(settings.slot, error.safeMessage)
        case SQLState.objectNotInPrerequisiteState where !error.message.contains("wal_level"):
            return PositionCheck.lost(settings.slot, error.safeMessage)
        default:
            return error.failure(doing: "stream from slot \(settings.slot)", at: target)
        }
    }

    // MARK: - Text or binary

    private var isBinary: Bool { settings.plugin == .pgoutput && settings.binary && textReason == nil }

    private func useText(_ reason: String) {
        textReason = reason
        logger.notice("values are streamed as text", metadata: ["reason": "\(reason)"])
    }

    private var restartAsText: Failure {
        Failure(
            .sourceInterrupted, "the stream is started again with values as text: \(textReason ?? "")",
            hint: "Nothing is wrong: some types can't be read in binary form.")
    }

    /// Before a start: looks at every column of the publication's tables.
    private func chooseFormat() async throws {
        guard isBinary else { return }
        let published = try await ask(CatalogQuery.publications, doing: "read the publication").records
            .filter { $0["pubname"] == settings.publication }
            .compactMap { row in row["table_name"].map { TableName(schema: row.text("schema_name"), name: $0) } }
        let names = Set(published)
        let tables = try await allTables().filter { names.contains($0.schema.name) }
        let columns = tables.flatMap { table in table.schema.columns.map { (table.schema.name, $0) } }
        let types = try await types(for: columns.map(\.1.type.oid))
        for (table, column) in columns where !canDecodeBinary(column, types) {
            return useText("\(table).\(column.name) is \(column.type.name)")
        }
    }

    /// While running: a relation may bring a column of a type without a binary form.
    func requireDecodable(_ columns: [Column], of table: TableName, _ types: TypeCatalog) throws {
        guard isBinary, let column = columns.first(where: { !canDecodeBinary($0, types) }) else { return }
        useText("\(table).\(column.name) is \(column.type.name)")
        throw restartAsText
    }

    /// A type without a send function comes as text even in a binary stream; an array of one makes the server fail.
    func canDecodeBinary(_ column: Column, _ types: TypeCatalog) -> Bool {
        guard types.contains(column.type.oid) else { return false }
        if !types.hasSendFunction(column.type.oid) { return true }
        return types.isSendable(column.type.oid) && settings.hasBinaryCodec(column.type)
    }
}
