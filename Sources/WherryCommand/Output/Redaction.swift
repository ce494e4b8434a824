/// The last net under everything that is printed: passwords in anything that looks like a URI or a conninfo string
/// become
/// `***`. Wherry's own messages never hold one; texts of libraries might.
enum Redaction {
    static func redact(_ text: String) -> String {
        guard text.contains("://") || text.lowercased().contains("password") else { return text }
        var result = text
        result.replace(/(?<scheme>[A-Za-z][A-Za-z0-9+.\-]*:\/\/)(?<login>[^\s"']*)@/) { match in
            let user = match.output.login.prefix { $0 != ":" && $0 != "@" && $0 != "/" }
            let isWhole = user.endIndex == match.output.login.endIndex
            return "\(match.output.scheme)\(user)\(isWhole ? "" : ":***")@"
        }
        result.replace(/(?i)(?<key>(?:ssl)?password\s*=\s*)(?:'(?:[^'\\]|\\.)*'|[^\s&"']+)/) { match in
            "\(match.output.key)***"
        }
        return result
    }
}
