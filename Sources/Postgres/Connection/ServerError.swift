/// What a server or libpq reported, before anybody has decided what it means.
package struct ServerError: Error, Hashable {
    package enum Origin: Hashable {
        /// While connecting.
        case connecting
        /// An ERROR or FATAL answer to a command.
        case server
        /// The connection is gone.
        case connection
        /// No answer in time.
        case timeout
    }

    package let origin: Origin
    /// Five characters, nil when it was libpq that failed.
    package let sqlState: String?
    /// The primary message only: DETAIL and CONTEXT may carry values of rows.
    package let message: String

    package init(_ origin: Origin, sqlState: String? = nil, _ message: String) {
        self.origin = origin
        self.sqlState = sqlState
        self.message = message
    }
}

/// The SQLSTATEs that somebody looks at (PostgreSQL documentation, appendix "PostgreSQL Error Codes").
enum SQLState {
    static let invalidCatalogName = "3D000"
    static let invalidSchemaName = "3F000"
    static let insufficientPrivilege = "42501"
    static let undefinedTable = "42P01"
    static let undefinedColumn = "42703"
    static let undefinedFunction = "42883"
    static let undefinedObject = "42704"
    static let duplicateObject = "42710"
    static let invalidParameterValue = "22023"
    static let objectInUse = "55006"
    static let objectNotInPrerequisiteState = "55000"
    static let lockNotAvailable = "55P03"
    static let queryCanceled = "57014"
    static let configurationLimitExceeded = "53400"
    static let tooManyConnections = "53300"
    static let undefinedFile = "58P01"
    static let protocolViolation = "08P01"
    static let featureNotSupported = "0A000"
}
