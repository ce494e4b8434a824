import Model

/// The `wherry run` that goes on from where a command ended, called the way that command was called. Never holds a
/// password: an address that could have one is left to the environment.
struct NextCommand: Sendable, Equatable {
    /// Ready for a shell.
    let text: String
    /// Variables of the environment that have to be set first, to what was given as a flag.
    let environment: [String]

    init(connection: ConnectionOptions, pipeline: PipelineOptions) {
        var words = ["wherry", "run"]
        var environment: [String] = []
        func add(_ flag: String, _ value: String?) {
            if let value { words += [flag, NextCommand.quoted(value)] }
        }
        func addAddress(_ flag: String, _ value: String?, _ variable: EnvironmentVariable) {
            guard let value, !ShownAddress.isHarmless(value) else { return add(flag, value) }
            environment.append(variable.rawValue)
        }
        add("--config", connection.config)
        addAddress("--source", connection.source, .source)
        addAddress("--target", connection.target, .target)
        add("--pipeline", pipeline.pipeline)
        add("--state-database", connection.stateDatabase)
        text = words.joined(separator: " ")
        self.environment = environment
    }

    /// As one word of a POSIX shell.
    private static func quoted(_ word: String) -> String {
        let isPlain = word.utf8.allSatisfy {
            switch $0 {
            case 0x30...0x39, 0x41...0x5A, 0x61...0x7A: true
            default: "_-./:@%+,=".utf8.contains($0)
            }
        }
        return isPlain && !word.isEmpty
            ? word : quoteText(word, by: "'", inside: "'\\''")
    }
}
