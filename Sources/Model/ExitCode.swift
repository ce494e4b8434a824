/// Every exit code of the program. README.md has the same table; a test keeps them equal.
package enum ExitCode: Int32, CaseIterable, Sendable {
    case ok = 0
    case unexpected = 1
    case differences = 3
    case usage = 64
    case dataRefused = 65
    case unreachable = 69
    case tryAgain = 75
    case dataGap = 76
    case denied = 77
    case configuration = 78

    /// What the code means, as in the README.
    package var meaning: String {
        switch self {
        case .ok: "done, or stopped cleanly"
        case .unexpected: "unexpected error: please report it"
        case .differences: "reserved for a verification: source and target differ"
        case .usage: "the command line is wrong"
        case .dataRefused:
            "a value or document can't be written, or is held back (`wherry dead-letters`); nothing was skipped"
        case .unreachable: "a server can't be reached"
        case .tryAgain: "in use elsewhere, taken over by another worker, or a copy that is not whole: try again"
        case .dataGap:
            "changes are missing, or can't be told apart: the hint says what to do, mostly `wherry run --accept-gap`"
        case .denied: "authentication refused or a privilege is missing"
        case .configuration: "the configuration or a server's settings don't allow it"
        }
    }
}
