import Model
import Testing

@testable import Replication

struct RetryPolicyTests {
    @Test func pausesDoubleUpToTenSeconds() {
        let pauses = (1...12).map { RetryPolicy.backoff($0) }
        let milliseconds = [100, 200, 400, 800, 1600, 3200, 6400, 10_000, 10_000, 10_000, 10_000, 10_000]
        #expect(pauses == milliseconds.map { .milliseconds($0) })
        #expect(RetryPolicy.backoff(0) == .milliseconds(100))
        #expect(RetryPolicy.backoff(-5) == .milliseconds(100))
        #expect(RetryPolicy.backoff(.max) == .seconds(10))
    }

    @Test(arguments: [true, false]) func interruptionsAreWaitedOut(_ hasRun: Bool) {
        for attempt in [1, 6, 1000] {
            let pause = RetryPolicy.backoff(attempt)
            func decide(_ kind: Failure.Kind) -> RetryPolicy.Decision {
                RetryPolicy.decide(Failure(kind, "m"), attempt: attempt, hasRun: hasRun)
            }
            #expect(decide(.sourceInterrupted) == .retry(after: pause))
            #expect(decide(.targetInterrupted) == .retrySmaller(after: pause))
            #expect(decide(.unreachable) == (hasRun ? .retry(after: pause) : .stop))
            #expect(decide(.inUse) == (hasRun && attempt <= 5 ? .retry(after: pause) : .stop))
            for kind in [Failure.Kind.copyInterrupted, .chunkInterrupted, .typeChanged] {
                #expect(decide(kind) == (attempt <= 5 ? .retry(after: pause) : .stop))
            }
        }
    }

    @Test(arguments: [
        Failure.Kind.unexpected, .fenced, .denied, .configuration, .usage, .dataGap, .dataRefused, .differences,
    ])
    func nothingElseIsRetried(_ kind: Failure.Kind) {
        for hasRun in [true, false] {
            #expect(RetryPolicy.decide(Failure(kind, "m"), attempt: 1, hasRun: hasRun) == .stop)
        }
    }
}
