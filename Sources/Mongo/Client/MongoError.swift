import BSON
import CLibMongo
import Model

/// What MongoDB or its C library answered instead of success. Holds no value of any document: the server's own text may
/// (a duplicate key is quoted in it), so it is kept out of `description` for everything but connections.
package struct MongoError: Error, Sendable {
    /// The server's code, or 0 when the answer never came.
    package let code: Int
    package let codeName: String
    let labels: [String]
    let writeErrors: [WriteError]
    /// The C library could not reach a server, or lost it.
    let isNetwork: Bool
    /// User or password were refused: the C library says so in words of its own, without the server's code (tried with
    /// 1.23.1).
    let isAuthentication: Bool
    /// Text of the C library about servers and connections; empty for server answers.
    let connectionText: String

    struct WriteError: Hashable, Sendable {
        let index: Int
        let code: Int
        /// Names of the fields of the unique index that was violated.
        let keyPattern: [String]
    }

    init(_ error: bson_error_t, reply: BSONDocument?, writeErrors: [WriteError] = []) {
        let serverDomains = [MONGOC_ERROR_SERVER.rawValue, MONGOC_ERROR_COMMAND.rawValue, MONGOC_ERROR_QUERY.rawValue]
        let isServer = serverDomains.contains(error.domain) || error.domain == MONGOC_ERROR_WRITE_CONCERN.rawValue
        code = reply?["code"]?.asInt64.map(Int.init) ?? (isServer ? Int(error.code) : writeErrors.first?.code ?? 0)
        codeName = reply?["codeName"]?.asString ?? ""
        labels = (reply?["errorLabels"]?.asArray ?? []).compactMap(\.asString)
        self.writeErrors = writeErrors
        // libmongoc 1.23 reports a connection that breaks during the log-in with the same code; only the text tells.
        let isLogIn =
            error.domain == MONGOC_ERROR_CLIENT.rawValue && error.code == MONGOC_ERROR_CLIENT_AUTHENTICATE.rawValue
        isAuthentication = isLogIn && MongoError.message(error).lowercased().contains("authentication fail")
        isNetwork =
            isLogIn && !isAuthentication || error.domain == MONGOC_ERROR_SERVER_SELECTION.rawValue
            || error.domain == MONGOC_ERROR_STREAM.rawValue
            || labels.contains("TransientTransactionError") && code == 0
        connectionText = isServer ? "" : MongoError.message(error)
    }

    private static func message(_ error: bson_error_t) -> String {
        withUnsafePointer(to: error) { String(cString: wherry_error_message($0)) }
    }

    func hasLabel(_ label: String) -> Bool { labels.contains(label) }

    /// 11000, 11001, 12582: a unique index already holds the key.
    var duplicateKey: WriteError? { writeErrors.first { [11000, 11001, 12582].contains($0.code) } }

    /// The whole transaction may be tried again, or the command outside of one.
    var isTransient: Bool {
        isConflict || isNetwork || isTooLarge || MongoError.stepDownCodes.contains(code)
            || hasLabel("TransientTransactionError")
    }

    /// Another writer was faster with one of the transaction's documents.
    var isConflict: Bool {
        code == 112
            || hasLabel("TransientTransactionError") && !isNetwork && !MongoError.stepDownCodes.contains(code)
    }

    /// The transaction took longer than any may (290, `transactionLifetimeLimitSeconds`), or needs more of the cache
    /// than there is (388); neither is labelled as transient. A smaller one may get through.
    var isTooLarge: Bool { [290, 388].contains(code) }

    /// What a command of a transaction is told that the server has ended meanwhile.
    static let noSuchTransaction = 251

    /// "State change" errors of the driver specification, a shutting-down or restarting server, and commands that
    /// somebody has killed: killOp, or the killSessions of a successor (11601; 237 for a cursor). What was killed may
    /// be tried again: the compare in it shows whether somebody else goes on.
    static let stepDownCodes: Set<Int> = [
        6, 7, 89, 91, 189, 262, 9001, 10107, 11600, 11601, 11602, 13435, 13436, 64, 50, 46, 237,
    ]

    static let outOfDiskSpace = 14031
    /// `maxTimeMS` was over.
    static let maxTimeExpired = 50

    /// Names of codes that come without one: write errors of a bulk.
    private static let names = [
        14031: "OutOfDiskSpace", 2: "BadValue", 13: "Unauthorized", 10334: "BSONObjectTooLarge",
    ]
}

extension MongoError {
    /// The failure an operator reads. `action` completes "while …".
    package func failure(_ action: String, at address: String) -> Failure {
        let name = codeName.isEmpty ? MongoError.names[code] ?? "" : codeName
        let answer = name.isEmpty ? "error \(code)" : "\(name) (\(code))"
        switch code {
        case 121:
            return Failure(
                .dataRefused, "the collection's validator refused a document while \(action) at \(address)",
                hint: "The rule doesn't take what the source holds. Loosen it (collMod, validator), or mend the row; "
                    + "nothing was skipped.")
        case 13, 18, 8000:
            return Failure(
                .denied, "MongoDB at \(address) refused while \(action): \(answer)",
                hint: "Check user, password and authSource of the target URI, and its roles: readWrite on the target "
                    + "and the state database.")
        case 20, 263:
            return Failure(
                .configuration, "MongoDB at \(address) has no transactions: it is a standalone server",
                hint: "Wherry needs a replica set, of one member if need be: start mongod with --replSet rs0 and run "
                    + "rs.initiate().")
        case 10334, 17419, 17420:
            return Failure(
                .dataRefused,
                "MongoDB at \(address) refused a document of more than 16 MiB while \(action): \(answer)",
                hint:
                    "MongoDB takes no larger document. Shorten the row in the source, or leave a column out ('drop'); "
                    + "nothing was skipped.")
        case 2, 9, 52, 55, 56, 57, 10003, 28672:
            return Failure(
                .dataRefused, "MongoDB at \(address) refused a document while \(action): \(answer)",
                hint: "A validator, a limit or a field name of the collection doesn't take what the source holds.")
        default: break
        }
        if isAuthentication {
            return Failure(
                .denied, "MongoDB at \(address) refused while \(action): authentication failed",
                hint: "Check user, password and authSource of the target URI.")
        }
        if isNetwork {
            return Failure(
                .unreachable, "MongoDB at \(address) can't be reached while \(action): \(connectionText)",
                hint: "Check that mongod runs, that host, port and replica set name of the target URI are right, and "
                    + "the firewall in between.")
        }
        if code == MongoError.outOfDiskSpace {
            return Failure(
                .targetInterrupted, "MongoDB at \(address) can't write while \(action): \(answer)",
                hint: "Look at the disk of the server and at its log; wherry goes on when it can write again.")
        }
        if isTransient {
            return Failure(
                .targetInterrupted, "MongoDB at \(address) interrupted \(action): \(answer)",
                hint: "Look at the server's log; wherry goes on from its checkpoint when the server is back.")
        }
        let text = connectionText.isEmpty ? answer : connectionText
        return Failure(
            .unexpected, "MongoDB at \(address) failed while \(action): \(text)",
            hint: "The server's log says more. Please report it with this text and the output of 'wherry version'.")
    }
}
