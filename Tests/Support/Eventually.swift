/// Waits until `condition` holds, looking again every few milliseconds; false when it still doesn't after `limit`.
package func eventually(
    within limit: Duration = .seconds(180), _ condition: @Sendable () async -> Bool
) async -> Bool {
    let deadline = ContinuousClock.now + limit
    while ContinuousClock.now < deadline {
        if await condition() { return true }
        try? await Task.sleep(for: .milliseconds(2))
    }
    return await condition()
}

/// What a wait that should have been short turned out to be.
package struct TookTooLong: Error {}

/// The value of `body`, which has to be there within `limit`; it is cancelled and `TookTooLong` is thrown otherwise.
package func promptly<Value: Sendable>(
    within limit: Duration = .seconds(180), _ body: @escaping @Sendable () async throws -> Value
) async throws -> Value {
    try await withThrowingTaskGroup(of: Value.self) { group in
        group.addTask { try await body() }
        group.addTask {
            try await Task.sleep(for: limit)
            throw TookTooLong()
        }
        defer { group.cancelAll() }
        guard let value = try await group.next() else { throw TookTooLong() }
        return value
    }
}
