import Model

/// What becomes of rows and changes that can't be written, by collection.
struct RefusalPolicies: Sendable {
    var standard = RefusalPolicy.fail

    /// The one place where it is decided.
    func policy(for collection: String) -> RefusalPolicy { standard }
}
