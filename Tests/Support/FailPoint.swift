import BSON
import Model

/// The server's `failCommand` fail point, used to hold or to fail commands of the program under test (never those of
/// the test: only clients of that application name are meant). There is one for the whole server: tests that use it
/// have their own.
///
/// The server needs `enableTestCommands`.
package struct FailPoint: Sendable {
    private let inspector: MongoInspector
    private let timesEntered: Int64

    /// Holds commands of these names for `hold`, before they do anything.
    ///
    /// - Parameter once: only the first one; then there is nothing to release.
    @discardableResult
    package static func hold(
        _ commands: [String], of application: String, for hold: Duration, once: Bool = false,
        using inspector: MongoInspector
    ) async throws -> FailPoint {
        try await set(
            [("blockConnection", true), ("blockTimeMS", .int32(Int32(hold / .milliseconds(1))))], for: commands,
            of: application, times: once ? 1 : nil, using: inspector)
    }

    /// Answers commands of these names with an error, before they do anything.
    ///
    /// - Parameter times: only so many; then there is nothing to release.
    @discardableResult
    package static func fail(
        _ commands: [String], of application: String, code: Int32, times: Int32? = nil,
        using inspector: MongoInspector
    ) async throws -> FailPoint {
        try await set([("errorCode", .int32(code))], for: commands, of: application, times: times, using: inspector)
    }

    private static func set(
        _ effect: [(String, BSONValue)], for commands: [String], of application: String, times: Int32?,
        using inspector: MongoInspector
    ) async throws -> FailPoint {
        let data: [(String, BSONValue)] = [
            ("failCommands", .array(commands.map { .string($0) })), ("appName", .string(application)),
        ]
        let reply = try await inspector.command(
            [
                "configureFailPoint": "failCommand", "mode": times.map { ["times": .int32($0)] } ?? "alwaysOn",
                "data": .document(BSONDocument(data + effect)),
            ], on: "admin")
        return FailPoint(inspector: inspector, timesEntered: reply["count"]?.asInt64 ?? 0)
    }

    /// Returns as soon as a command is being held.
    ///
    /// - Throws: `Failure` when none has come within `limit`.
    package func waitUntilHolding(within limit: Duration = .seconds(20)) async throws {
        try await inspector.command(
            [
                "waitForFailPoint": "failCommand", "timesEntered": .int64(timesEntered + 1),
                "maxTimeMS": .int64(Int64(limit / .milliseconds(1))),
            ], on: "admin")
    }

    /// Lets later commands through. Waits for those that are held: their time has to pass.
    package func release() async throws {
        try await inspector.command(["configureFailPoint": "failCommand", "mode": "off"], on: "admin")
    }
}
