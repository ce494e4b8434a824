import Model
import Postgres
import Testing

@Suite("Whether a slot still covers a position")
struct PositionCheckTests {
    private func slot(
        plugin: String = "pgoutput", database: String = "shop", restart: String? = "0/100",
        confirmed: String? = "0/200",
        walStatus: String? = "reserved", invalidation: String? = nil
    ) -> SlotStatus {
        SlotStatus(
            name: "wherry_shop", plugin: plugin, database: database, active: false, activePID: nil,
            activeApplication: nil, restartLSN: restart.flatMap { LSN($0) },
            confirmedFlushLSN: confirmed.flatMap { LSN($0) },
            walStatus: walStatus, safeWalSize: nil, heldBytes: 0, temporary: false, invalidationReason: invalidation)
    }

    private func kind(_ slot: SlotStatus?, _ position: UInt64, flush: UInt64 = 0x1000) -> Failure.Kind? {
        do {
            try PositionCheck.check(
                slot: slot, named: "wherry_shop", plugin: .pgoutput, database: "shop",
                position: LSN(rawValue: position), serverFlush: LSN(rawValue: flush))
            return nil
        } catch {
            return (error as? Failure)?.kind
        }
    }

    @Test func positionsTheSlotCovers() {
        #expect(kind(slot(), 0x200) == nil)
        #expect(kind(slot(), 0x201) == nil)
        #expect(kind(slot(), 0x1000) == nil)
        #expect(kind(slot(), 0) == nil)
    }

    @Test func gaps() {
        #expect(kind(nil, 0x200) == .dataGap)
        #expect(kind(slot(), 0x1FF) == .dataGap)
        #expect(kind(slot(), 0x1001) == .dataGap)
        #expect(kind(slot(walStatus: "lost"), 0x200) == .dataGap)
        #expect(kind(slot(restart: nil), 0x200) == .dataGap)
        #expect(kind(slot(invalidation: "wal_removed"), 0) == .dataGap)
    }

    @Test func aSlotOfSomebodyElse() {
        #expect(kind(slot(plugin: "wal2json"), 0x200) == .configuration)
        #expect(kind(slot(database: "other"), 0x200) == .configuration)
    }
}
