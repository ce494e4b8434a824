/// Polls until `condition` holds. For things of the operating system that can't be waited for otherwise (a file of
/// another process, a port, the end of a process that is not our child).
///
/// - Parameters:
///   - what: names the condition in the error: "postgres accepts connections".
///   - limit: how long to poll before it is an error.
///   - interval: the pause between two looks.
/// - Throws: `DevServerError` when the limit has passed; whatever `condition` throws.
package func waitUntil(
    _ what: String, within limit: Duration = .seconds(120), every interval: Duration = .milliseconds(10),
    _ condition: () async throws -> Bool
) async throws {
    let deadline = ContinuousClock.now + limit
    while try await !condition() {
        guard ContinuousClock.now < deadline else {
            throw DevServerError("waited \(limit) in vain until \(what)")
        }
        try await Task.sleep(for: interval)
    }
}
