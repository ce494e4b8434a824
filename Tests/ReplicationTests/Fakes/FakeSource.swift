import Model
import Synchronization

/// A source without a server. Every answer can be replaced; every call is counted.
final class FakeSource: SourceDatabase {
    struct State: Sendable {
        var identity = SourceIdentity(systemIdentifier: "7", timeline: 1, database: "shop", serverVersion: 150_020)
        var slot: SlotStatus?
        var ranges: [CopyRange] = []
        var load = SourceLoad(clock: SourceTime(microseconds: 0), replicaLag: nil, hidesReplicas: false)
        var running: [RunningTransaction] = []
        var calls: [String] = []
        var published: Set<TableName> = []
        var rowFilters: [TableName: String] = [:]
        var acceptedRowFilters: [TableName: String] = [:]
        /// Why it takes no filter.
        var filterRefusal: String?
        /// By the name of the call; the first is thrown and taken away.
        var failures: [String: [Failure]] = [:]
    }

    private let state = Mutex(State())
    private let versions: [WireRelation: TableVersion]
    private let streams: @Sendable (LSN) -> ScriptedStream
    private let reader: @Sendable () -> any SnapshotSource
    /// Positions that heartbeats are written at.
    let heartbeat: LSN
    /// Taking hold of the pipeline waits here.
    let acquiring: Gate

    init(
        _ tables: [SampleTable], heartbeat: LSN = LSN(rawValue: 1000), acquiring: Gate = Gate(isOpen: true),
        reader: @escaping @Sendable () -> any SnapshotSource = { FakeSnapshot([:]) },
        streams: @escaping @Sendable (LSN) -> ScriptedStream
    ) {
        versions = Dictionary(uniqueKeysWithValues: tables.map { ($0.relation, $0.version) })
        self.heartbeat = heartbeat
        self.acquiring = acquiring
        self.reader = reader
        self.streams = streams
    }

    func change(_ body: (inout State) -> Void) { state.withLock { body(&$0) } }

    /// How often a call has been made.
    func count(_ call: String) -> Int { state.withLock { $0.calls.count { $0 == call } } }

    var accepted: [TableName: String] { state.withLock { $0.acceptedRowFilters } }

    private func called(_ call: String) throws {
        try state.withLock { state in
            state.calls.append(call)
            if let failure = state.failures[call]?.first {
                state.failures[call]?.removeFirst()
                throw failure
            }
        }
    }

    func open(after position: LSN) async throws -> any ChangeStream {
        try called("open")
        return streams(position)
    }

    func resolve(_ relation: WireRelation) async throws -> TableVersion {
        try called("resolve")
        guard let version = versions[relation] else { throw Failure(.unexpected, "no such table") }
        return version
    }

    /// Nobody publishes anything else.
    func requireUnpublished(_ table: TableSchema) async throws -> TableName? { nil }

    func emitHeartbeat() async throws -> LSN {
        try called("heartbeat")
        return heartbeat
    }

    func acquire(wait: Duration, onWaiting: @escaping @Sendable (String) -> Void) async throws {
        try called("acquire")
        onWaiting("somebody else")
        try await acquiring.pass()
    }

    func requirePublished(_ tables: [TableName]) async throws { try called("requirePublished") }

    func identify() async throws -> SourceIdentity {
        try called("identify")
        return state.withLock { $0.identity }
    }

    func slot() async throws -> SlotStatus? {
        try called("slot")
        return state.withLock { $0.slot }
    }

    func createSlot(timeout: Duration, onWaiting: @escaping @Sendable (String) -> Void) async throws -> ExportedSnapshot
    {
        try called("createSlot")
        state.withLock {
            $0.slot = .named("s")
        }
        return ExportedSnapshot(consistentPoint: LSN(rawValue: 1000), name: "snapshot")
    }

    func exportSnapshot() async throws -> ExportedSnapshot {
        try called("exportSnapshot")
        return ExportedSnapshot(consistentPoint: .zero, name: "snapshot")
    }

    func dropSlot() async throws {
        try called("dropSlot")
        state.withLock { $0.slot = nil }
    }

    func ensurePublication(tables: [TableName]) async throws { try called("publication") }

    func publishedTables() async throws -> Set<TableName> { state.withLock { $0.published } }

    func publish(_ tables: [TableName]) async throws {
        try called("publish")
        state.withLock { $0.published.formUnion(tables) }
    }

    func unpublish(_ tables: [TableName]) async throws {
        try called("unpublish")
        state.withLock { $0.published.subtract(tables) }
    }

    func rowFilters() async throws -> [TableName: String] { state.withLock { $0.rowFilters } }

    /// Writes it with parentheses, as the server does.
    func setRowFilter(
        _ sql: String, of table: TableName, storing: @Sendable (String) async throws -> Void
    ) async throws -> String? {
        try called("setRowFilter")
        if let refusal = state.withLock({ $0.filterRefusal }) { return refusal }
        try await storing("(\(sql))")
        try called("commitRowFilter")
        state.withLock { $0.rowFilters[table] = "(\(sql))" }
        return nil
    }

    func clearRowFilter(of table: TableName) async throws {
        try called("clearRowFilter")
        state.withLock { $0.rowFilters[table] = nil }
    }

    func accept(rowFilters: [TableName: String]) async { state.withLock { $0.acceptedRowFilters = rowFilters } }

    func snapshotSource(_ snapshot: ExportedSnapshot) async throws -> any SnapshotSource {
        try called("snapshot")
        return reader()
    }

    func planRanges(_ tables: [TableVersion]) async throws -> [CopyRange] {
        try called("ranges")
        // The ranges name the versions that are asked for, as a plan made from the catalogue would.
        return state.withLock { $0.ranges }.compactMap { range in
            guard let table = tables.first(where: { $0.schema == range.table.schema }) else { return nil }
            return CopyRange(
                table: table, leaf: range.leaf, firstPage: range.firstPage, endPage: range.endPage,
                estimatedRows: range.estimatedRows)
        }
    }

    func estimatedRows(of tables: [TableVersion]) async throws -> [TableName: Int] {
        try called("estimatedRows")
        return Dictionary(grouping: state.withLock { $0.ranges }, by: \.table.schema.name)
            .mapValues { $0.reduce(0) { $0 + $1.estimatedRows } }
    }

    func currentLSN() async throws -> LSN {
        try called("currentLSN")
        return heartbeat
    }

    func load() async throws -> SourceLoad {
        try called("load")
        return state.withLock { $0.load }
    }

    func runningTransactions() async throws -> [RunningTransaction] {
        try called("runningTransactions")
        return state.withLock { $0.running }
    }

    func close() async { try? called("close") }
}

/// Nothing is read in chunks here.
extension FakeSource {
    func planSegments(_ table: TableVersion, key: [String], where condition: String?) async throws -> [KeyRange] {
        try called("planSegments")
        return [KeyRange()]
    }

    func openChunkReader() async throws -> any ChunkReader { throw Failure(.unexpected, "no chunks here") }

    func openKeyProbe() async throws -> any KeyProbe { throw Failure(.unexpected, "no keys here") }

    func isDecidedByKey(_ condition: String, of table: TableVersion, key: [String]) async throws -> Bool { true }

    func currentSnapshot() async throws -> VisibilitySnapshot { VisibilitySnapshot(xmin: 3, xmax: 3, running: []) }

    func emit(token: String) async throws -> LSN { heartbeat }

    func assignTransactionID() async throws -> UInt64 { 3 }
}

extension SlotStatus {
    /// A healthy slot that somebody uses.
    static func named(_ name: String, restart: LSN? = .zero, confirmed: LSN = .zero) -> SlotStatus {
        SlotStatus(
            name: name, plugin: "pgoutput", database: "shop", active: true, activePID: nil, activeApplication: nil,
            restartLSN: restart, confirmedFlushLSN: confirmed, walStatus: "reserved", safeWalSize: nil, heldBytes: 0,
            temporary: false, invalidationReason: nil)
    }
}
