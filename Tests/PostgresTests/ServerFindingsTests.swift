import Model
import Postgres
import Testing

@Suite("What a server's settings mean")
struct ServerFindingsTests {
    private func good() -> ServerFacts {
        var facts = ServerFacts()
        facts.version = "15.20"
        facts.versionNumber = 150_020
        facts.maxSlots = 10
        facts.maxSenders = 10
        facts.walSenderTimeoutMilliseconds = 60_000
        facts.keepSizeMegabytes = 51_200
        facts.outputPlugins = ["pgoutput", "test_decoding"]
        facts.role = "wherry"
        facts.canReplicate = true
        return facts
    }

    private func findings(slot: SlotStatus? = nil, _ change: (inout ServerFacts) -> Void) -> [Finding] {
        var facts = good()
        change(&facts)
        return ServerFindings(facts: facts, plugin: "pgoutput", slot: slot).all
            .filter { $0.code != "source_version" || $0.severity != .info }
    }

    private func slot(active: Bool) -> SlotStatus {
        SlotStatus(
            name: "wherry_shop", plugin: "pgoutput", database: "shop", active: active, activePID: nil,
            activeApplication: nil, restartLSN: LSN(rawValue: 1), confirmedFlushLSN: LSN(rawValue: 1),
            walStatus: "reserved", safeWalSize: nil, heldBytes: 0, temporary: false, invalidationReason: nil)
    }

    @Test func aServerWithoutFault() {
        #expect(findings { _ in }.isEmpty)
    }

    @Test func errors() {
        func codes(slot: SlotStatus? = nil, _ change: (inout ServerFacts) -> Void) -> [String] {
            findings(slot: slot, change).filter { $0.severity == .error }.map(\.code)
        }
        #expect(codes { $0.versionNumber = 110_000 } == ["source_version"])
        #expect(codes { $0.walLevel = "replica" } == ["wal_level"])
        #expect(codes { $0.usedSlots = 10 } == ["max_replication_slots"])
        #expect(codes(slot: slot(active: false)) { $0.usedSlots = 10 } == [])
        #expect(codes { $0.usedSenders = 10 } == ["max_wal_senders"])
        #expect(codes(slot: slot(active: false)) { $0.usedSenders = 10 } == ["max_wal_senders"])
        #expect(codes(slot: slot(active: true)) { $0.usedSenders = 10 } == [])
        #expect(codes { $0.canReplicate = false } == ["replication_privilege"])
        #expect(codes { $0.outputPlugins = ["test_decoding"] } == ["output_plugin_libraries"])
        #expect(codes { $0.isInRecovery = true } == ["source_is_standby"])
    }

    /// What works on a standby depends on its version, and on how the rows are to be read.
    @Test(arguments: [(150_020, false), (150_020, true), (160_004, false), (160_004, true)])
    func standbys(_ version: Int, _ isLive: Bool) throws {
        var facts = good()
        facts.isInRecovery = true
        facts.versionNumber = version
        let findings = ServerFindings(facts: facts, plugin: "pgoutput", slot: nil, isLive: isLive)
        let finding = try #require(findings.all.first { $0.code == "source_is_standby" })
        #expect(finding.severity == (version > 160_000 && !isLive ? .warning : .error))
        #expect(finding.kind == .configuration)
        #expect(finding.message.contains("no logical slots") == (version < 160_000))
        #expect(finding.remedy?.contains("exported or none") == (version > 160_000 && isLive))
        #expect(!findings.forCopy.contains { $0.severity == .error })
    }

    @Test func warnings() {
        func codes(_ change: (inout ServerFacts) -> Void) -> [String] {
            findings(change).filter { $0.severity == .warning }.map(\.code)
        }
        #expect(codes { $0.keepSizeMegabytes = -1 } == ["max_slot_wal_keep_size"])
        #expect(codes { $0.keepSizeMegabytes = 64 } == ["max_slot_wal_keep_size"])
        #expect(codes { $0.keepSizeMegabytes = nil } == [])
        #expect(codes { $0.announcedPID = 1 } == ["connection_pooler"])
        #expect(codes { $0.clockDifference = -6 } == ["source_clock"])
        #expect(codes { $0.clockDifference = 4 } == [])
    }

    @Test func remediesAreStatements() throws {
        let level = try #require(findings { $0.walLevel = "replica" }.first)
        #expect(level.remedy?.contains("ALTER SYSTEM SET wal_level = 'logical'") == true)
        let managed = findings {
            $0.walLevel = "replica"
            $0.managedBy = "rds"
        }
        #expect(managed.contains { $0.remedy?.contains("rds.logical_replication") == true })
        let privilege = try #require(findings { $0.canReplicate = false }.first)
        #expect(privilege.kind == .denied)
        #expect(privilege.remedy == "ALTER ROLE \"wherry\" REPLICATION;")
        let plugins = try #require(findings { $0.outputPlugins = ["test_decoding"] }.first)
        #expect(plugins.remedy?.contains("output_plugin_libraries = test_decoding, pgoutput;") == true)
        var facts = ServerFacts()
        facts.versionNumber = 150_020
        (facts.outputPlugins, facts.encoding) = (["pgoutput"], "LATIN1")
        let json = ServerFindings(facts: facts, plugin: "wal2json", slot: nil).all
        #expect(
            json.first { $0.code == "output_plugin_libraries" }?.remedy?.contains("= pgoutput, wal2json;") == true)
        #expect(json.contains { $0.code == "wal2json_encoding" && $0.severity == .error })
    }
}
