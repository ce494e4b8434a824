import BSON
import Model
import TestSupport
import Testing

@testable import Replication

@Suite struct RereadQueueTests {
    private func rows(_ numbers: ClosedRange<Int32>, _ cause: Reread.Cause = .change) -> [Reread] {
        numbers.map { Reread(collection: "things", key: ["_id": .int32($0)], cause: cause) }
    }

    @Test func whatDoesNotFitIsTakenFromTheStateDatabase() async throws {
        let queue = RereadQueue([], limit: 3)
        queue.add(rows(1...5))
        #expect(queue.all.count == 3 && queue.hasMore)
        let taken = queue.take(atMost: 10)
        queue.settle(taken, but: [])
        #expect(queue.all.isEmpty && queue.hasMore)
        // A whole page: there may be another one.
        try await queue.refill { limit in
            #expect(limit == 3)
            return rows(4...6)
        }
        #expect(queue.all.count == 3 && queue.hasMore)
        queue.settle(queue.take(atMost: 10), but: [])
        try await queue.refill { _ in [] }
        #expect(!queue.hasMore && !queue.hasWork)
    }

    @Test func theEndWaitsForThoseThereWereWhenItWasReached() {
        let queue = RereadQueue(rows(1...2))
        let first = queue.take(atMost: 1)
        #expect(!queue.isSettled())
        queue.add(rows(3...9))
        queue.settle(first, but: first)
        #expect(!queue.isSettled())
        // The newest come first.
        while let next = queue.take(atMost: 1).first {
            if next.key["_id"]?.asInt64 ?? 0 > 2 { continue }
            queue.settle([next], but: [])
        }
        #expect(queue.isSettled())
    }

    @Test func theEndWaitsForTheStateDatabaseToo() async throws {
        let queue = RereadQueue([], limit: 1, hasMore: true)
        #expect(!queue.isSettled())
        try await queue.refill { _ in
            #expect(!queue.isSettled())
            return rows(1...1)
        }
        queue.settle(queue.take(atMost: 1), but: [])
        #expect(!queue.isSettled())
        try await queue.refill { _ in [] }
        #expect(queue.isSettled())
    }

    @Test func oneGoIsForOneCause() {
        let queue = RereadQueue(rows(1...2) + rows(3...4, .backfill))
        let goes = [queue.take(atMost: 10), queue.take(atMost: 10)]
        #expect(Set(goes.map { Set($0.map(\.cause)) }) == [[.change], [.backfill]])
        #expect(goes.allSatisfy { $0.count == 2 } && queue.take(atMost: 10).isEmpty)
    }

    @Test func whoWaitsIsWokenByWorkAlone() async throws {
        let queue = RereadQueue([])
        queue.everythingElseIsRead()
        try await promptly {
            await queue.waitForMore(orTheEnd: true)
            async let woken: Void = queue.waitForMore(orTheEnd: false)
            queue.add(rows(1...1))
            await woken
        }
    }
}
