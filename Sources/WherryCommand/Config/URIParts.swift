/// A connection URI taken apart as far as names in messages need it: `scheme://user:password@hosts/database?options`.
///
/// Reads the common part of libpq's URIs (PostgreSQL documentation, "Connection URIs") and MongoDB's connection
/// strings. It is strict where a character could belong to a password (an `@`, `/` or `?` that is not percent-encoded):
/// such a URI is refused, because nobody can say which part of it would be safe to show.
struct URIParts: Sendable {
    let scheme: String
    /// Percent-encoded as given; nil when there is none.
    let user: String?
    let hosts: String
    /// Between the hosts and the options, percent-decoded; nil when empty.
    let database: String?

    /// nil when the text is no URI or an ambiguous one.
    init?(_ text: String) {
        guard let mark = text.firstRange(of: "://"), mark.lowerBound != text.startIndex else { return nil }
        let scheme = text[..<mark.lowerBound].lowercased()
        guard scheme.allSatisfy({ $0.isASCII && ($0.isLetter || $0.isNumber || $0 == "+") }) else { return nil }
        let rest = text[mark.upperBound...]
        let authority = rest.prefix { $0 != "/" && $0 != "?" && $0 != "#" }
        let afterAuthority = rest[authority.endIndex...]
        let path = afterAuthority.prefix { $0 != "?" && $0 != "#" }
        let options = afterAuthority[path.endIndex...].dropFirst()
        guard !path.contains("@"), URIParts.areOptions(options) else { return nil }

        let pieces = authority.split(separator: "@", omittingEmptySubsequences: false)
        guard pieces.count <= 2, let hosts = pieces.last else { return nil }
        if pieces.count == 2 {
            let credentials = pieces[0].split(separator: ":", omittingEmptySubsequences: false)
            guard credentials.count <= 2 else { return nil }
            user = credentials.first.map(String.init)
        } else {
            user = nil
        }
        self.scheme = scheme
        self.hosts = String(hosts)
        let name = path.dropFirst()
        guard let decoded = URIParts.percentDecoded(name) else { return nil }
        database = decoded.isEmpty ? nil : decoded
    }

    /// Without password and without options: `postgres://user@host:5432/shop`.
    var safe: String {
        let login = user.flatMap { $0.isEmpty ? nil : "\($0)@" } ?? ""
        return "\(scheme)://\(login)\(hosts)" + (database.map { "/\($0)" } ?? "")
    }

    private static func areOptions(_ text: Substring) -> Bool {
        text.split(separator: "&").allSatisfy { $0.contains("=") }
    }

    /// nil when an escape is incomplete or the result is no UTF-8.
    private static func percentDecoded(_ text: Substring) -> String? {
        var bytes: [UInt8] = []
        var rest = text.utf8[...]
        while let byte = rest.popFirst() {
            guard byte == UInt8(ascii: "%") else {
                bytes.append(byte)
                continue
            }
            guard rest.count >= 2, let digits = String(rest.prefix(2)), let value = UInt8(digits, radix: 16) else {
                return nil
            }
            bytes.append(value)
            rest = rest.dropFirst(2)
        }
        return String(validating: bytes, as: UTF8.self)
    }
}
