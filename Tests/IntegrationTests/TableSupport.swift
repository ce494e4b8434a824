import BSON
import DevServers
import Foundation
import TestSupport
import Testing

/// What tests of tables that come, go and change share.
extension PipelineFixture {
    /// The flags that name a file with this text.
    func configuration(_ yaml: String) throws -> [String] {
        let file = "\(folder)/\(uniqueName("file")).yaml"
        try Data("\(yaml)\n".utf8).write(to: URL(fileURLWithPath: file))
        return ["--config", file]
    }

    /// Waits until every row equals its document; who doesn't get there is told what differs.
    func waitUntilEqual(
        _ process: WherryProcess, _ when: String = "", excluding: Set<String> = [],
        location: SourceLocation = #_sourceLocation
    ) async throws {
        // All may be equal before it has begun, and whoever stops it then ends it like any program.
        try await process.waitForLine("it has begun") { $0.message == "starting" }
        try? await waitUntil("all is equal", process, within: .seconds(90)) {
            try await compare(excluding: excluding).isEmpty
        }
        #expect(try await compare(excluding: excluding) == [], "\(when) \(process.tail)", sourceLocation: location)
    }

    /// Starts the program and kills it once it streams, at a random moment, again and again.
    func runAndKill(_ times: Int, _ arguments: [String], seed: UInt64) async throws {
        var generator = SeededGenerator(seed: seed)
        for _ in 1...times {
            let worker = try wherry(arguments)
            try await worker.waitForLine("it streams") { $0.message == "streaming" }
            try await Task.sleep(for: .milliseconds(Int.random(in: 20...300, using: &generator)))
            try await worker.kill()
        }
    }

    /// Has what is held back read again, by a run that ends with everything written.
    func writeWhatIsHeldBack(_ arguments: [String], location: SourceLocation = #_sourceLocation) async throws {
        let order = try command(["dead-letters", "retry", "--all"] + connectionWords)
        try await order.end()
        #expect(order.child.exitStatus?.code == 0, "\(order.tail)", sourceLocation: location)
        try await catchUp(arguments: arguments)
    }

    /// Starts the program and kills it when it has applied a transaction in part. Needs servers of its own, and small
    /// batches.
    func killInTransaction(_ arguments: [String]) async throws {
        let slow = try await FailPoint.hold(
            ["insert", "update", "delete"], of: applicationName, for: .seconds(1), using: inspector)
        let worker = try wherry(arguments)
        try await waitUntil("a transaction is applied in part", worker) {
            try await state()?["checkpoint"]?.asDocument?["open"]?.asDocument != nil
        }
        try await worker.kill()
        try await slow.release()
    }

    /// `wherry set --accept-schema-change TABLE`
    func accept(_ table: String, location: SourceLocation = #_sourceLocation) async throws {
        let process = try command(["set", "--accept-schema-change", table] + connectionWords)
        try await process.end()
        #expect(process.child.exitStatus?.code == 0, "\(process.tail)", sourceLocation: location)
    }

    /// Runs `wherry tables …` to its end.
    @discardableResult
    func tables(
        _ words: [String], expecting code: Int32 = 0, source: String? = nil,
        location: SourceLocation = #_sourceLocation
    ) async throws -> WherryProcess {
        let own = source.map { ["--source", $0] } ?? []
        var connection = connectionWords
        if source != nil { connection.removeFirst(2) }
        let process = try command(["tables"] + words + connection + own)
        try await process.end(within: .seconds(120))
        #expect(process.child.exitStatus?.code == code, "\(process.tail)", sourceLocation: location)
        return process
    }
}
