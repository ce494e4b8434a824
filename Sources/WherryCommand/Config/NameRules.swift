import Model

/// What may be a name, checked before any server is asked. Every check throws a `Failure` of kind `.configuration`;
/// `what` says in its message which name it is and where it comes from.
enum NameRules {
    /// A pipeline: `[a-z][a-z0-9_]{0,39}`, so that `wherry_<name>` is always a slot name.
    static func checkPipeline(_ name: String, what: String, hint: String? = nil) throws {
        let scalars = name.unicodeScalars
        guard let first = scalars.first, ("a"..."z").contains(first), scalars.count <= 40, isLowerWord(name) else {
            throw Failure(
                .configuration, "\(what) is '\(name)', which is no pipeline name",
                hint: hint ?? "A pipeline name begins with a letter and has at most 40 of a-z, 0-9 and _.")
        }
    }

    /// A replication slot: 1 to 63 of `a-z`, `0-9` and `_` (PostgreSQL documentation, "Querying and Manipulating
    /// Replication Slots"; `NAMEDATALEN` is 64).
    static func checkSlot(_ name: String, what: String) throws {
        guard (1...63).contains(name.utf8.count), isLowerWord(name) else {
            throw Failure(
                .configuration, "\(what) is '\(name)', which is no name for a replication slot",
                hint: "PostgreSQL allows 1 to 63 of a-z, 0-9 and _ in the name of a slot.")
        }
    }

    /// Any identifier of PostgreSQL: 1 to 63 bytes without NUL.
    static func checkIdentifier(_ name: String, what: String) throws {
        guard (1...63).contains(name.utf8.count), !name.utf8.contains(0) else {
            throw Failure(
                .configuration, "\(what) is '\(name)', which PostgreSQL doesn't allow as a name",
                hint: "A name has 1 to 63 bytes.")
        }
    }

    /// A database of MongoDB: 1 to 63 bytes without `/\. "$*<>:|?` and NUL (MongoDB manual, "Naming Restrictions"), and
    /// none of its own three.
    static func checkDatabase(_ name: String, what: String) throws {
        let forbidden = "/\\. \"$*<>:|?\0"
        guard (1...63).contains(name.utf8.count), !name.contains(where: forbidden.contains) else {
            throw Failure(
                .configuration, "\(what) is '\(name)', which MongoDB doesn't allow as a database name",
                hint: "A database name has 1 to 63 bytes and none of / \\ . \" $ * < > : | ? or a space.")
        }
        guard !["admin", "local", "config"].contains(name) else {
            throw Failure(
                .configuration, "\(what) is '\(name)', which belongs to MongoDB itself",
                hint: "Choose a database of your own. To authenticate against admin add ?authSource=admin to the URI.")
        }
    }

    /// Why MongoDB takes no collection of this name, to follow "its name"; nil when it does (MongoDB manual, "Naming
    /// Restrictions").
    static func collectionProblem(_ name: String) -> String? {
        if name.isEmpty { return "is empty, which MongoDB refuses" }
        if name.utf8.contains(0) { return "holds a NUL character, which MongoDB refuses" }
        // Database, dot and collection together have 255 bytes at most.
        if name.utf8.count > 191 { return "has more than 191 bytes" }
        if name.contains("$") { return "holds a dollar sign, which MongoDB refuses" }
        if name.hasPrefix("system.") { return "begins with 'system.', which MongoDB keeps to itself" }
        if name.hasPrefix(".") { return "begins with a dot, which MongoDB refuses" }
        return nil
    }

    private static func isLowerWord(_ name: String) -> Bool {
        name.utf8.allSatisfy { (0x61...0x7A).contains($0) || (0x30...0x39).contains($0) || $0 == 0x5F }
    }
}
