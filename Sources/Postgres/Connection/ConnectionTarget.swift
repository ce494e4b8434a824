import CLibPQ
import Model

/// Where to connect, read from what the operator gave: a URI (`postgres://`, `postgresql://`) or `key=value` pairs
/// (PostgreSQL documentation, "Connection Strings").
///
/// The password stays inside: nothing here but `parameters` ever shows it.
package struct ConnectionTarget: Sendable {
    /// libpq's keywords and values, as far as they were given.
    let parameters: [String: String]

    /// - Throws: `Failure` of kind `.configuration`. libpq's own words are left out: they may quote the password.
    package init(_ text: String) throws {
        var message: UnsafeMutablePointer<CChar>?
        guard let options = PQconninfoParse(text, &message) else {
            if let message { PQfreemem(message) }
            throw ConnectionTarget.unreadable
        }
        defer { PQconninfoFree(options) }
        var parameters: [String: String] = [:]
        var option = options
        while let keyword = option.pointee.keyword {
            if let value = option.pointee.val { parameters[String(cString: keyword)] = String(cString: value) }
            option += 1
        }
        // A password with an unescaped @ ends up in the host, and from there in every message.
        if let host = parameters["host"], host.contains("@") { throw ConnectionTarget.unreadable }
        self.parameters = parameters
    }

    private static let unreadable = Failure(
        .configuration, "the source's connection string can't be read",
        hint: "It looks like postgres://user:password@host:5432/database; write @ : / ? # % in user or password as "
            + "%40 %3A %2F %3F %23 %25.")

    package var database: String { parameters["dbname"] ?? parameters["user"] ?? "" }

    /// `host:port` for messages, the way it was given.
    package var address: String {
        let host = parameters["host"] ?? parameters["hostaddr"] ?? "localhost"
        return "\(host):\(parameters["port"] ?? "5432")"
    }

    /// The target for messages and logs: user, host, port and database; no password and no other option.
    package var safeURI: String {
        let user = parameters["user"].map { "\($0)@" } ?? ""
        return "postgres://\(user)\(address)/\(database)"
    }

    /// How long opening a connection may take.
    var connectTimeout: Duration {
        guard let text = parameters["connect_timeout"], let seconds = Int(text), seconds > 0 else {
            return .seconds(10)
        }
        return .seconds(max(2, min(seconds, 600)))
    }

    /// What goes to libpq: the operator's parameters and ours; ours win, but keepalives given by hand are kept.
    ///
    /// Session settings are not among them (no `options`): PgBouncer refuses startup parameters it doesn't know, and a
    /// server older than a setting refuses the connection. `SessionSettings` sends them after the start.
    func startParameters(application: String, isReplication: Bool) -> [(String, String)] {
        var all = [
            "keepalives": "1", "keepalives_idle": "30", "keepalives_interval": "10", "keepalives_count": "3",
            // Keepalives don't cover what was sent and never acknowledged.
            "tcp_user_timeout": "60000",
        ]
        all.merge(parameters) { _, given in given }
        all["application_name"] = application
        all["client_encoding"] = "UTF8"
        all["replication"] = isReplication ? "database" : nil
        return all.sorted { $0.key < $1.key }.map { ($0.key, $0.value) }
    }
}
