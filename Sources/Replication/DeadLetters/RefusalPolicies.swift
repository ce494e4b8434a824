import Model

/// What becomes of rows and changes that can't be written.
struct RefusalPolicies: Sendable {
    /// Where nothing was said of the value that is refused.
    var standard = RefusalPolicy.fail
    /// Whether all of them stay held back: rows that are retried.
    var isRetry = false

    /// The one place where it is decided.
    func holdsBack(_ failure: Failure) -> Bool { isRetry || (failure.policy ?? standard) == .deadLetter }
}
