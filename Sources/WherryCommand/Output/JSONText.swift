import Foundation

/// The one way anything becomes JSON here: snake_case keys in alphabetical order, nothing escaped that need not be.
enum JSONText {
    /// One line, for logs and errors.
    static func line(_ value: some Encodable) -> String { text(value, [.sortedKeys, .withoutEscapingSlashes]) }

    /// Indented, for results.
    static func document(_ value: some Encodable) -> String {
        text(value, [.sortedKeys, .withoutEscapingSlashes, .prettyPrinted])
    }

    private static func text(_ value: some Encodable, _ formatting: JSONEncoder.OutputFormatting) -> String {
        let encoder = JSONEncoder()
        encoder.outputFormatting = formatting
        encoder.keyEncodingStrategy = .convertToSnakeCase
        encoder.nonConformingFloatEncodingStrategy = .convertToString(
            positiveInfinity: "Infinity", negativeInfinity: "-Infinity", nan: "NaN")
        // Strings, numbers and structs of them: there is nothing in a report that could fail to encode.
        guard let data = try? encoder.encode(value) else { return #"{"schema_version":1}"# }
        return String(decoding: data, as: UTF8.self)
    }
}
