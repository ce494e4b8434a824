import Model

/// Where PostgreSQL is: a URI (`postgres://…`) or a conninfo string (`host=… dbname=…`), password included.
package struct SourceURI: Hashable, Sendable, CustomStringConvertible {
    private let secret: Secret
    /// User, host, port and database, and nothing else: for messages.
    package let safe: String

    /// - Throws: `Failure` of kind `.configuration`; the text itself is not in it.
    package init(_ text: String) throws {
        secret = Secret(text)
        if text.contains("://") {
            guard let parts = URIParts(text) else { throw SourceURI.unreadable }
            guard parts.scheme == "postgres" || parts.scheme == "postgresql" else {
                throw Failure(
                    .configuration, "the source URI must begin with postgres:// or postgresql://",
                    hint: "--source takes PostgreSQL's address, --target MongoDB's.")
            }
            safe = parts.safe
        } else {
            guard let words = ConnectionWords(text), !words.isEmpty else { throw SourceURI.unreadable }
            safe = words.safe
        }
    }

    /// The whole text, for the adapter that connects.
    package func reveal() -> String { secret.reveal() }

    package var description: String { safe }

    private static let unreadable = Failure(
        .configuration, "the source URI can't be read",
        hint:
            "It looks like postgres://user:password@host:5432/database. Percent-encode special characters in user name "
            + "and password (@ is %40, / is %2F, : is %3A, ? is %3F).")
}
