import ArgumentParser
import Model

/// How the initial copy is made and shown: for `run` and `snapshot`.
struct CopyOptions: ParsableArguments {
    @Flag(help: "Accept collections that hold documents already: overwrite by key, keep the rest.")
    var adopt = false

    @Option(
        help: """
            Connections that read the rows (and as many that write, when the mode is exported or in 'wherry snapshot'). \
            (default: 2)
            """)
    var workers: Int?

    @Option(help: "Time between two progress lines of the log: 10s, 500ms, 1m. (default: 10s)")
    var progressInterval: String?

    var layer: SettingsLayer {
        var layer = SettingsLayer()
        layer.workers = workers.map { Given(value: $0, origin: "--workers") }
        return layer
    }

    /// - Throws: `Failure` of kind `.configuration` when it is no duration, or too short a one.
    func interval(environment: [String: String]) throws -> Duration {
        let flag = progressInterval.map { Given(value: $0, origin: "--progress-interval") }
        let variable = EnvironmentVariable.progressInterval
        guard let given = flag ?? variable.value(in: environment).map({ Given(value: $0, origin: variable.rawValue) })
        else { return .seconds(10) }
        guard let duration = DurationText.parse(given.value), duration >= .milliseconds(100) else {
            throw Failure(
                .configuration, "\(given.origin) is '\(given.value)'",
                hint: "It must be a duration of at least 100ms, like 10s or 1m.")
        }
        return duration
    }
}
