/// Whether a connection string can be printed as it was given. Judged by what is known to be harmless, never by what is
/// known to be secret: an option nobody thought of stays hidden.
enum ShownAddress {
    static func isHarmless(_ text: String) -> Bool {
        guard text.contains("://") else {
            guard let words = ConnectionWords(text) else { return false }
            return words.keys.isSubset(of: harmless)
        }
        let pieces = text.split(separator: "?", maxSplits: 1, omittingEmptySubsequences: false)
        guard let parts = URIParts(text), let base = pieces.first, base == parts.safe else { return false }
        let options = pieces.count == 2 ? pieces[1].split(separator: "&") : []
        return options.allSatisfy { option in harmless.contains(String(option.prefix { $0 != "=" })) }
    }

    /// Of libpq ("Parameter Key Words") and of MongoDB's connection strings ("Connection String Options").
    private static let harmless: Set<String> = [
        "host", "hostaddr", "port", "dbname", "user", "service", "sslmode", "sslrootcert", "connect_timeout",
        "target_session_attrs", "channel_binding", "gssencmode", "passfile",
        "replicaSet", "authSource", "authMechanism", "tls", "ssl", "tlsCAFile", "directConnection", "retryWrites",
        "readPreference", "serverSelectionTimeoutMS", "connectTimeoutMS", "socketTimeoutMS", "compressors",
    ]
}
