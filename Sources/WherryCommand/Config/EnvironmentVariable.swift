import Model

/// Every variable of the environment that wherry reads; docs/configuration.md has the same list, and a test keeps them
/// equal. A flag wins over its variable, a variable over the configuration file. An empty variable is an unset one.
enum EnvironmentVariable: String, CaseIterable, Sendable {
    case config = "WHERRY_CONFIG"
    case source = "WHERRY_SOURCE"
    case target = "WHERRY_TARGET"
    case pipeline = "WHERRY_PIPELINE"
    case stateDatabase = "WHERRY_STATE_DATABASE"
    case schemas = "WHERRY_SCHEMAS"
    case exclude = "WHERRY_EXCLUDE"
    case plugin = "WHERRY_PLUGIN"
    case workers = "WHERRY_WORKERS"
    case logFormat = "WHERRY_LOG_FORMAT"
    case logLevel = "WHERRY_LOG_LEVEL"
    case progressInterval = "WHERRY_PROGRESS_INTERVAL"

    /// What it stands for, as in the documentation.
    var meaning: String {
        switch self {
        case .config: "path of the configuration file (`--config`)"
        case .source: "PostgreSQL's address (`--source`)"
        case .target: "MongoDB's address (`--target`)"
        case .pipeline: "the pipeline's name (`--pipeline`)"
        case .stateDatabase: "the database of Wherry's state (`--state-database`)"
        case .schemas: "schemas to replicate, separated by commas (`--schema`)"
        case .exclude: "tables to leave out, separated by commas (`--exclude`)"
        case .plugin: "the output plugin, `pgoutput` or `wal2json` (`source.plugin` in the file)"
        case .workers:
            "connections that read the rows (and as many that write, when the mode is `exported` or in `wherry "
                + "snapshot`); default 2 (`--workers`)"
        case .logFormat: "`text` or `json` (`--log-format`)"
        case .logLevel: "`trace`, `debug`, `info`, `notice`, `warning` or `error` (`--log-level`)"
        case .progressInterval: "time between two progress lines of the log (`--progress-interval`)"
        }
    }

    func value(in environment: [String: String]) -> String? {
        environment[rawValue].flatMap { $0.isEmpty ? nil : $0 }
    }

    /// The words of a list, without spaces around them.
    func list(in environment: [String: String]) -> [String]? {
        value(in: environment)?.split(separator: ",").map { $0.trimmingSpaces() }.filter { !$0.isEmpty }
    }

    /// One of the words of an enum, nil when unset.
    ///
    /// - Throws: `Failure` of kind `.configuration` naming variable and words.
    func choice<Choice: RawRepresentable & CaseIterable>(
        _: Choice.Type, in environment: [String: String]
    ) throws -> Choice? where Choice.RawValue == String {
        guard let text = value(in: environment) else { return nil }
        guard let choice = Choice(rawValue: text) else {
            let words = Choice.allCases.map(\.rawValue).joined(separator: ", ")
            throw Failure(.configuration, "\(rawValue) is '\(text)'", hint: "It must be one of \(words).")
        }
        return choice
    }
}

extension Substring {
    fileprivate func trimmingSpaces() -> String {
        String(drop(while: \.isWhitespace).reversed().drop(while: \.isWhitespace).reversed())
    }
}
