/// libpq's other way to write an address: `host=… port=… dbname='…'` (PostgreSQL documentation, "Keyword/Value
/// Connection Strings"): spaces around `=` allowed, values in single quotes with `\` before `'` and `\`.
struct ConnectionWords: Sendable {
    private var values: [String: String] = [:]

    var isEmpty: Bool { values.isEmpty }
    var keys: Set<String> { Set(values.keys) }

    /// Only what names the server: host, port, dbname, user, in this order.
    var safe: String {
        ["host", "hostaddr", "port", "dbname", "user", "service"]
            .compactMap { key in values[key].map { "\(key)=\($0)" } }
            .joined(separator: " ")
    }

    /// nil when a pair is incomplete or a quote is never closed.
    init?(_ text: String) {
        var rest = Substring(text)
        while true {
            rest = rest.drop(while: \.isWhitespace)
            guard !rest.isEmpty else { return }
            let key = rest.prefix { $0 != "=" && !$0.isWhitespace }
            rest = rest[key.endIndex...].drop(while: \.isWhitespace)
            guard !key.isEmpty, rest.popFirst() == "=" else { return nil }
            rest = rest.drop(while: \.isWhitespace)
            guard let value = ConnectionWords.value(&rest) else { return nil }
            values[String(key)] = value
        }
    }

    private static func value(_ rest: inout Substring) -> String? {
        var result = ""
        let isQuoted = rest.first == "'"
        if isQuoted { rest.removeFirst() }
        while let character = rest.popFirst() {
            switch character {
            case "\\":
                guard let escaped = rest.popFirst() else { return nil }
                result.append(escaped)
            case "'" where isQuoted:
                return result
            case _ where !isQuoted && character.isWhitespace:
                return result
            default:
                result.append(character)
            }
        }
        return isQuoted ? nil : result
    }
}
