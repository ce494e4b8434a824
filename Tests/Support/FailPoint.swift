import BSON
import Model

/// The server's `failCommand` fail point, used to hold commands of the program under test (never those of the test:
/// only clients of that application name are held). There is one for the whole server: tests that use it have their
/// own.
///
/// The server needs `enableTestCommands`.
package struct FailPoint: Sendable {
    private let inspector: MongoInspector
    private let timesEntered: Int64

    /// Holds commands of these names for `hold`, before they do anything.
    ///
    /// - Parameter once: only the first one; then there is nothing to release.
    package static func hold(
        _ commands: [String], of application: String, for hold: Duration, once: Bool = false,
        using inspector: MongoInspector
    ) async throws -> FailPoint {
        let data: BSONDocument = [
            "failCommands": .array(commands.map { .string($0) }), "appName": .string(application),
            "blockConnection": true, "blockTimeMS": .int32(Int32(hold / .milliseconds(1))),
        ]
        let reply = try await inspector.command(
            ["configureFailPoint": "failCommand", "mode": once ? ["times": 1] : "alwaysOn", "data": .document(data)],
            on: "admin")
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
