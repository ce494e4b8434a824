import ArgumentParser

/// Flags of every command that talks to the servers. They win over the environment, and that over the file.
struct ConnectionOptions: ParsableArguments {
    @Option(help: "The configuration file. (environment: WHERRY_CONFIG)")
    var config: String?

    @Option(
        help: ArgumentHelp(
            "PostgreSQL's address, postgres://user@host:5432/database. (environment: WHERRY_SOURCE)",
            discussion: "A password on the command line can be seen by other users: prefer the environment or the file."
        ))
    var source: String?

    @Option(
        help: "MongoDB's address with the documents' database, mongodb://host:27017/shop. (environment: WHERRY_TARGET)")
    var target: String?

    @Option(help: "The database of Wherry's own state. (default: wherry)")
    var stateDatabase: String?

    /// What these flags say.
    var layer: SettingsLayer {
        var layer = SettingsLayer()
        layer.source = given(source, "--source")
        layer.target = given(target, "--target")
        layer.stateDatabase = given(stateDatabase, "--state-database")
        return layer
    }

    /// `flags` (a command's own, over these), then the environment, then the file.
    func resolver(_ flags: SettingsLayer = SettingsLayer(), environment: [String: String]) throws -> SettingsResolver {
        var layers = [flags, layer, try SettingsLayer(environment: environment)]
        if let path = config ?? EnvironmentVariable.config.value(in: environment) {
            let file = try ConfigurationReader.read(path: path, environment: environment)
            layers.append(SettingsLayer(file: file, name: path))
        }
        return SettingsResolver(layers)
    }
}

/// `--pipeline`, for the commands that work on one.
struct PipelineOptions: ParsableArguments {
    @Option(help: "The pipeline's name. (environment: WHERRY_PIPELINE; default: the name of the target database)")
    var pipeline: String?

    var layer: SettingsLayer {
        var layer = SettingsLayer()
        layer.pipeline = given(pipeline, "--pipeline")
        return layer
    }
}

/// Which tables: for `run` and `check`.
struct TableOptions: ParsableArguments {
    @Option(name: .customLong("schema"), help: "A schema to replicate; repeat it for more. (default: public)")
    var schemas: [String] = []

    @Option(help: "A table to leave out, as schema.table; repeat it for more.")
    var exclude: [String] = []

    var layer: SettingsLayer {
        var layer = SettingsLayer()
        layer.schemas = given(schemas.isEmpty ? nil : schemas, "--schema")
        layer.exclude = given(exclude.isEmpty ? nil : exclude, "--exclude")
        return layer
    }
}

private func given<Value: Sendable>(_ value: Value?, _ origin: String) -> Given<Value>? {
    value.map { Given(value: $0, origin: origin) }
}
