import Model

/// Where MongoDB is and which database the documents go to: `mongodb://…/shop` or `mongodb+srv://…/shop`.
package struct TargetURI: Hashable, Sendable, CustomStringConvertible {
    private let secret: Secret
    /// User, hosts and database, and nothing else: for messages.
    package let safe: String
    /// The database of the documents, always there and a name MongoDB allows.
    package let database: String

    /// - Throws: `Failure` of kind `.configuration`; the text itself is not in it.
    package init(_ text: String) throws {
        secret = Secret(text)
        guard let parts = URIParts(text) else {
            throw Failure(
                .configuration, "the target URI can't be read",
                hint:
                    "It looks like mongodb://user:password@host:27017/database?replicaSet=rs0. Percent-encode special "
                    + "characters in user name and password (@ is %40, / is %2F, : is %3A, ? is %3F).")
        }
        guard parts.scheme == "mongodb" || parts.scheme == "mongodb+srv" else {
            throw Failure(
                .configuration, "the target URI must begin with mongodb:// or mongodb+srv://",
                hint: "--target takes MongoDB's address, --source PostgreSQL's.")
        }
        guard let database = parts.database else {
            throw Failure(
                .configuration, "the target URI names no database",
                hint: "Put the database of the documents after the hosts: mongodb://host:27017/shop.")
        }
        try NameRules.checkDatabase(database, what: "the target URI's database")
        safe = parts.safe
        self.database = database
    }

    /// The whole text, for the adapter that connects.
    package func reveal() -> String { secret.reveal() }

    package var description: String { safe }
}
