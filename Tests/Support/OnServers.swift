import DevServers
import Foundation
import Testing

/// For suites and tests that use real servers: a few run at once, so that every time limit keeps its meaning on a small
/// machine, and each leaves the seconds it took behind (`WHERRY_TEST_TIMES`), waiting for its turn not counted.
package struct OnServers: SuiteTrait, TestTrait, TestScoping {
    /// How many places a test takes.
    let places: Int

    package var isRecursive: Bool { true }

    package func provideScope(
        for test: Test, testCase: Test.Case?, performing function: @Sendable () async throws -> Void
    ) async throws {
        guard testCase != nil else { return try await function() }
        await Places.shared.take(places)
        let start = ContinuousClock.now
        do {
            try await function()
        } catch {
            await finish(test, since: start)
            throw error
        }
        await finish(test, since: start)
    }

    private func finish(_ test: Test, since start: ContinuousClock.Instant) async {
        await Places.shared.giveBack(places)
        await TestTimes.shared.note("\(test.id)", (ContinuousClock.now - start) / .seconds(1))
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

    private var free = ProcessInfo.processInfo.environment["WHERRY_TEST_WIDTH"].flatMap { Int($0) } ?? 6
    private var queue: [(places: Int, turn: CheckedContinuation<Void, Never>)] = []

    func take(_ places: Int) async {
        if queue.isEmpty, free >= places {
            free -= places
        } else {
            await withCheckedContinuation { queue.append((places, $0)) }
        }
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
