import Model

/// What the source is asked while a backfill reads from it: what it bears, and who is in the way.
extension PostgresSource {
    package func load() async throws -> SourceLoad {
        let row = try await ask(CatalogQuery.load, doing: "ask for the server's load").records.first
        guard let row, let clock = row["clock_microseconds"].flatMap({ Int64($0) }) else {
            throw Failure(.unexpected, "the source doesn't say what time it is")
        }
        return SourceLoad(
            clock: SourceTime(microseconds: clock - SourceTime.epochOffsetSeconds * 1_000_000),
            replicaLag: row.int("replica_lag_ms").map { max(0, $0) }, hidesReplicas: row.bool("hides_replicas"))
    }

    package func runningTransactions() async throws -> [RunningTransaction] {
        try await writingTransactions().compactMap { row in
            row.oid("xid").map { RunningTransaction(xid: $0, summary: row.transactionSummary) }
        }
    }

    func writingTransactions() async throws -> [QueryResult.Record] {
        try await ask(CatalogQuery.transactions, doing: "look for running transactions").records
    }
}

extension QueryResult.Record {
    /// Of `list_transactions.sql`: `pid 4711 (psql, role shop, idle in transaction) for 75 s`, or
    /// `prepared transaction 'x' (role shop) for 75 s`. What the role may not see is left out.
    var transactionSummary: String {
        let role = self["role"].map { "role \($0)" }
        let age = self["age_seconds"].map { " for \($0) s" } ?? ""
        guard let pid = self["pid"] else { return "\(text("application_name")) (\(role ?? "unknown role"))\(age)" }
        let details = [text("application_name"), role, self["state"]].compactMap { $0 }
        return "pid \(pid) (\(details.joined(separator: ", ")))\(age)"
    }
}
