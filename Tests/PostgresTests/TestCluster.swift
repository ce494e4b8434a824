import DevServers
import Foundation
import Logging
import Model
import Postgres
import TestSupport

/// A database of its own on the shared server, and sources that read it.
struct TestCluster: Sendable {
    let server: PostgresServer
    let database: String

    /// Creates the database and runs `sql` in it.
    static func make(_ sql: String = "", on server: PostgresServer? = nil) async throws -> TestCluster {
        let server = if let server { server } else { try await SharedServers.shared.postgresServer() }
        let cluster = TestCluster(server: server, database: uniqueName("pg"))
        try await server.psql("CREATE DATABASE \(cluster.database)")
        if !sql.isEmpty { try await cluster.psql(sql) }
        return cluster
    }

    @discardableResult
    func psql(_ sql: String) async throws -> String { try await server.psql(sql, database: database) }

    var uri: String { server.uri(database: database) }

    /// A source whose slot and publication are named after the database.
    func source(uri: String? = nil, binary: Bool = true, plugin: OutputPlugin = .pgoutput) throws -> PostgresSource {
        try PostgresSource(
            SourceSettings(
                uri: uri ?? self.uri, pipeline: database, slot: "wherry_\(database)", publication: "wherry_\(database)",
                plugin: plugin, binary: binary, hasBinaryCodec: TestCluster.hasBinaryCodec),
            logger: Logger(label: "test", factory: { _ in SwiftLogNoOpLogHandler() }))
    }

    func connection() async throws -> PostgresConnection { try await PostgresConnection.open(uri) }

    /// Everything built in except inet, and what is made of it.
    static let hasBinaryCodec: @Sendable (PostgresType) -> Bool = { type in
        switch type.shape {
        case .base: type.oid < 16_384 && type.oid != 869
        case .enum, .extended: true
        case .domain(let base): hasBinaryCodec(base)
        case .array(let element, _): hasBinaryCodec(element)
        case .range(let bound), .multirange(let bound): hasBinaryCodec(bound)
        case .composite(let attributes): attributes.allSatisfy { hasBinaryCodec($0.type) }
        case .other: false
        }
    }

    /// Publication, slot and stream of these tables of `public`, from the slot's consistent point.
    func stream(
        _ tables: String..., binary: Bool = true, plugin: OutputPlugin = .pgoutput
    ) async throws -> TestStream {
        let source = try source(binary: binary, plugin: plugin)
        try await source.ensurePublication(tables: tables.map { TableName(schema: "public", name: $0) })
        let snapshot = try await source.createSlot(timeout: .seconds(60))
        return TestStream(source: source, stream: try await source.open(after: snapshot.consistentPoint))
    }
}

/// Waits until `condition` holds, looking every 20 ms.
func eventually(
    _ what: String, within limit: Duration = .seconds(30), _ condition: () async throws -> Bool
) async throws {
    let deadline = ContinuousClock.now + limit
    while try await !condition() {
        guard .now < deadline else { throw Late(what: what) }
        try await Task.sleep(for: .milliseconds(20))
    }
}

struct Late: Error {
    let what: String
}
