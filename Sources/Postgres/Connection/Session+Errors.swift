import CLibPQ

/// What libpq says when something failed, as a `ServerError`.
extension Session {
    func serverError(_ result: OpaquePointer) -> ServerError {
        let state = PQresultErrorField(result, Int32(UInt8(ascii: "C"))).map { String(cString: $0) }
        let message = PQresultErrorField(result, Int32(UInt8(ascii: "M"))).map { String(cString: $0) }
        guard let state else { return lost() }
        return ServerError(.server, sqlState: state, message ?? "unknown error")
    }

    /// The connection is gone; nothing more will come of it.
    func lost() -> ServerError {
        giveUp()
        let lines = Session.lines(String(cString: PQerrorMessage(connection)))
        // A server that ends sessions says why (57P01 and so on) just before it closes the socket.
        return ServerError(.connection, lines.first ?? "closed")
    }

    /// A refused connection. The message is libpq's, in verbose form: `connection to server at "…", port … failed:
    /// FATAL:  28P01: password authentication failed for user "…"`, then `LOCATION:` and `DETAIL:` lines.
    func connectError() -> ServerError {
        let lines = Session.lines(String(cString: PQerrorMessage(connection)))
        let line = lines.first { Session.sqlState(in: $0) != nil } ?? lines.first ?? "no reason given"
        guard let state = Session.sqlState(in: line) else {
            let denied = PQconnectionNeedsPassword(connection) == 1
            return ServerError(.connecting, sqlState: denied ? "28P01" : nil, line)
        }
        return ServerError(.connecting, sqlState: state, line.replacing(":  \(state): ", with: ": "))
    }

    private static func lines(_ text: String) -> [String] {
        text.split(whereSeparator: \.isNewline).map { line in
            String(line.drop { $0 == " " || $0 == "\t" })
        }
    }

    /// The five characters after a severity, as in `FATAL:  28P01: …`.
    private static func sqlState(in line: String) -> String? {
        for range in line.ranges(of: ":  ") {
            let state = line[range.upperBound...].prefix(5)
            let rest = line[range.upperBound...].dropFirst(5)
            let isState = state.utf8.allSatisfy { (0x30...0x39).contains($0) || (0x41...0x5A).contains($0) }
            if state.utf8.count == 5, isState, rest.hasPrefix(": ") { return String(state) }
        }
        return nil
    }
}
