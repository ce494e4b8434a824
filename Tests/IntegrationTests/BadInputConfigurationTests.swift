import Foundation
import TestSupport
import Testing

/// Settings that can't be meant, before any server is asked.
@Suite(.onServers) struct BadInputConfigurationTests {
    struct Mistake: Sendable, CustomTestStringConvertible {
        let testDescription: String
        let file: String
        let words: [String]
        var environment: [String: String] = [:]
    }

    private static let ends = """
        source: { uri: "postgres://u:s3cr3t@127.0.0.1:1/x" }
        target: { uri: "mongodb://u:s3cr3t@127.0.0.1:1/x" }

        """

    private static let mistakes = [
        Mistake(testDescription: "unknown key", file: ends + "pipelin: shop", words: ["pipelin"]),
        Mistake(
            testDescription: "unknown nested key", file: ends + "backfill: { worker: 2 }", words: ["worker"]),
        Mistake(
            testDescription: "a word for a number", file: ends + "backfill: { workers: many }", words: ["workers"]),
        Mistake(
            testDescription: "a number out of range", file: ends + "apply: { max_batch_operations: 0 }",
            words: ["max_batch_operations"]),
        Mistake(
            testDescription: "no size", file: ends + "apply: { max_batch_bytes: large }", words: ["max_batch_bytes"]),
        Mistake(testDescription: "no pipeline name", file: ends + "pipeline: Shop!", words: ["pipeline"]),
        Mistake(
            testDescription: "undefined variable", file: "source: { uri: \"${NO_SUCH_URI}\" }\n",
            words: ["NO_SUCH_URI"]),
        Mistake(
            testDescription: "a variable holding YAML is a value",
            file: "source: { uri: \"${ODD}\" }\ntarget: { uri: \"mongodb://127.0.0.1:1/x\" }\n", words: ["source"],
            environment: ["ODD": "x\", pipeline: \"y"]),
        Mistake(testDescription: "no YAML", file: "source: [\n", words: ["YAML"]),
        Mistake(testDescription: "a list", file: "- a\n- b\n", words: []),
        Mistake(testDescription: "bytes that are no text", file: "\u{FEFF}source: \u{0}", words: []),
        Mistake(testDescription: "nothing", file: "", words: ["source"]),
    ]

    @Test(arguments: mistakes) func aMistakeInTheFile(_ mistake: Mistake) async throws {
        let folder = SharedServers.directory(uniqueName("config"))
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        let file = "\(folder)/wherry.yaml"
        try Data(mistake.file.utf8).write(to: URL(fileURLWithPath: file))
        let process = try WherryProcess(
            ["run", "--config", file, "--log-format", "json"], environment: mistake.environment, folder: folder,
            name: "run")
        try await process.end(within: .seconds(120))
        let refusal = try BadInputRefusal(process, location: #_sourceLocation)
        refusal.expect(78, mistake.words, #_sourceLocation)
        #expect(!refusal.text.contains("s3cr3t"))
    }

    @Test func aFileThatIsNotThere() async throws {
        let folder = SharedServers.directory(uniqueName("config"))
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        let process = try WherryProcess(
            ["run", "--config", "\(folder)/none.yaml", "--log-format", "json"], folder: folder, name: "run")
        try await process.end(within: .seconds(120))
        try BadInputRefusal(process, location: #_sourceLocation).expect(78, ["none.yaml"], #_sourceLocation)
    }
}
