import Foundation
import Logging
import Synchronization

/// swift-log's end: one line per event on the console, as text or as JSON.
struct ConsoleLogHandler: LogHandler {
    let format: LogFormat
    let console: Console
    var logLevel: Logger.Level
    var metadata: Logger.Metadata = [:]
    var metadataProvider: Logger.MetadataProvider?

    init(format: LogFormat, level: Logger.Level, console: Console) {
        self.format = format
        self.console = console
        logLevel = level
    }

    subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { metadata[key] }
        set { metadata[key] = newValue }
    }

    func log(event: LogEvent) {
        var fields = metadata
        if let provided = metadataProvider?.get() { fields.merge(provided) { $1 } }
        if let own = event.metadata { fields.merge(own) { $1 } }
        let line = LogLine(
            time: Timestamp.text(Date()), level: event.level.rawValue, message: event.message.description,
            fields: fields)
        console.print(Redaction.redact(line.rendered(as: format)))
    }
}

/// Bootstraps swift-log, once in a process, for what the libraries log. The commands' own logger does not need it.
enum LogSetup {
    private static let isDone = Mutex(false)

    static func bootstrap(format: LogFormat, level: Logger.Level, console: Console) {
        let isFirst = isDone.withLock { done in
            defer { done = true }
            return !done
        }
        guard isFirst else { return }
        LoggingSystem.bootstrap { _ in ConsoleLogHandler(format: format, level: level, console: console) }
    }
}
