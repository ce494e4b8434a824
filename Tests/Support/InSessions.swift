/// Works in several sessions at once while `body` runs; then cancels them, and waits until each has finished what it is
/// at.
///
/// - Parameter work: what the session of a number does until it is cancelled.
func inSessions<Result>(
    _ count: Int, _ work: @escaping @Sendable (Int) async throws -> Void, during body: () async throws -> Result
) async throws -> Result {
    try await withThrowingTaskGroup(of: Void.self) { group in
        for number in 0..<count { group.addTask { try await work(number) } }
        let result: Result
        do { result = try await body() } catch {
            group.cancelAll()
            throw error
        }
        group.cancelAll()
        try await group.waitForAll()
        return result
    }
}
