import DevServers
import Foundation
import Testing

/// For suites and tests that use real servers: a few run at once, so that every time limit keeps its meaning on a small
/// machine, and each leaves the seconds it took behind (`WHERRY_TEST_TIMES`), waiting for its turn not counted. On a suite
/// or on its tests, not on both: a test would hold places while it waits for more.
package struct OnServers: SuiteTrait, TestTrait, TestScoping {
    /// How many places a test takes.
    let places: Int

    package var isRecursive: Bool { true }

    package func provideScope(
        for test: Test, testCase: Test.Case?, performing function: @Sendable () async throws -> Void
    ) async throws {
        guard testCase != nil else { return try await function() }
        let taken = await Places.shared.take(places)
        let start = ContinuousClock.now
        let result: Result<Void, any Error>
        let left = LeftSlots()
        do {
            result = .success(try await LeftSlots.$ofTest.withValue(left) { try await function() })
        } catch {
            result = .failure(error)
        }
        await left.drop()
        await Places.shared.giveBack(taken)
        await TestTimes.shared.note("\(test.id)", (ContinuousClock.now - start) / .seconds(1))
        try result.get()
    }
}

extension Trait where Self == OnServers {
    package static var onServers: Self { OnServers(places: 1) }

    /// One that keeps both servers and the program busy by itself.
    package static var onBusyServers: Self { OnServers(places: 2) }
}

/// The places there are, given in the order of asking.
private actor Places {
    static let shared = Places()

    private let all = max(1, ProcessInfo.processInfo.environment["WHERRY_TEST_WIDTH"].flatMap { Int($0) } ?? 4)
    private lazy var free = all
    private var queue: [(places: Int, turn: CheckedContinuation<Void, Never>)] = []

    /// - Returns: how many it got: those it asked for, or all there are.
    func take(_ wanted: Int) async -> Int {
        let places = min(wanted, all)
        if queue.isEmpty, free >= places {
            free -= places
        } else {
            await withCheckedContinuation { queue.append((places, $0)) }
        }
        return places
    }

    func giveBack(_ places: Int) {
        free += places
        while let next = queue.first, free >= next.places {
            free -= next.places
            queue.removeFirst().turn.resume()
        }
    }
}

private actor TestTimes {
    static let shared = TestTimes()

    private let file = ProcessInfo.processInfo.environment["WHERRY_TEST_TIMES"].flatMap { fopen($0, "a") }

    func note(_ test: String, _ seconds: Double) {
        guard let file else { return }
        fputs("\(seconds)\t\(test)\n", file)
        fflush(file)
    }
}
