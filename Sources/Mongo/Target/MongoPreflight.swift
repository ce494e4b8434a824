import BSON
import Foundation
import Model
import PinnedThread

/// The target's half of `wherry check`: reads, and writes nothing.
package actor MongoPreflight {
    private let thread = PinnedThread(name: "mongo-check")
    package nonisolated var unownedExecutor: UnownedSerialExecutor { thread.asUnownedSerialExecutor() }

    private let pool: MongoPool
    private let stateDatabase: String
    private lazy var connection = MongoConnection(pool)

    package init(pool: MongoPool, stateDatabase: String) {
        self.pool = pool
        self.stateDatabase = stateDatabase
    }

    /// Everything there is to say, in the order of looking. A target that can't be reached is one finding.
    package func findings() -> [Finding] {
        do {
            let hello = try connection.command("admin", ["hello": 1])
            let build = try connection.command("admin", ["buildInfo": 1])
            return [topology(hello), version(build), clock(hello)].compactMap { $0 } + (try privileges())
        } catch let error as MongoError {
            let failure = error.failure("looking at the target", at: pool.address)
            return [
                Finding(
                    .error, failure.kind == .denied ? "target_denied" : "target_unreachable", subject: "target",
                    failure.message, remedy: failure.hint, kind: failure.kind)
            ]
        } catch {
            return [Finding(.error, "target_unreadable", subject: "target", "the target sent a reply that is not BSON")]
        }
    }

    private func topology(_ hello: BSONDocument) -> Finding? {
        if hello["setName"]?.asString != nil || hello["msg"]?.asString == "isdbgrid" { return nil }
        return Finding(
            .error, "target_standalone", subject: "target",
            "MongoDB at \(pool.address) is a standalone server: it has no transactions",
            remedy: "Start mongod with --replSet rs0 and run rs.initiate(); one member is enough.")
    }

    private func version(_ build: BSONDocument) -> Finding? {
        let text = build["version"]?.asString ?? "?"
        let parts = (build["versionArray"]?.asArray ?? []).compactMap(\.asInt)
        guard parts.count >= 2 else { return nil }
        if (parts[0], parts[1]) < (4, 4) {
            return Finding(
                .error, "target_version", subject: "target", "MongoDB \(text) is too old",
                remedy: "Wherry needs MongoDB 4.4 or later.")
        }
        if parts[0] < 5 {
            return Finding(
                .warning, "target_version", subject: "target",
                "MongoDB \(text) can't update fields whose names hold a dot or start with a dollar sign",
                remedy: "Use MongoDB 5.0 or later if any column is named like that.")
        }
        return Finding(.info, "target_version", subject: "target", "MongoDB \(text)")
    }

    private func clock(_ hello: BSONDocument) -> Finding? {
        guard let there = hello["localTime"]?.asDate else { return nil }
        let seconds = abs(Date().timeIntervalSince1970 - Double(there) / 1000)
        guard seconds > 5 else { return nil }
        return Finding(
            .warning, "target_clock", subject: "target",
            "the clocks of MongoDB and of this machine differ by \(Int(seconds)) s",
            remedy: "Let both follow a time server: times in status and logs are misleading otherwise.")
    }

    private func privileges() throws -> [Finding] {
        let status = try connection.command("admin", ["connectionStatus": 1, "showPrivileges": true])
        let info = status["authInfo"]?.asDocument ?? BSONDocument()
        guard !(info["authenticatedUsers"]?.asArray ?? []).isEmpty else { return try unauthenticated() }
        let granted = (info["authenticatedUserPrivileges"]?.asArray ?? []).compactMap(\.asDocument)
        return [pool.database, stateDatabase].compactMap { database in
            let actions = granted.reduce(into: Set<String>()) { actions, privilege in
                guard let resource = privilege["resource"]?.asDocument, covers(resource, database) else { return }
                actions.formUnion((privilege["actions"]?.asArray ?? []).compactMap(\.asString))
            }
            let missing = ["find", "insert", "update", "remove", "createCollection"].filter {
                !actions.contains($0) && !actions.contains("anyAction")
            }
            guard !missing.isEmpty else { return nil }
            return Finding(
                .error, "target_privilege", subject: "target",
                "the user of the target URI lacks \(missing.joined(separator: ", ")) on database \(database)",
                remedy: "Grant it: db.grantRolesToUser(\"…\", [{role: \"readWrite\", db: \"\(database)\"}])",
                kind: .denied)
        }
    }

    /// Nobody is logged in: fine where access control is off, and then this read succeeds.
    private func unauthenticated() throws -> [Finding] {
        _ = try connection.find(stateDatabase, StateCollection.pipelines, filter: [:], limit: 1)
        return []
    }

    private func covers(_ resource: BSONDocument, _ database: String) -> Bool {
        if resource["anyResource"]?.asBool == true { return true }
        guard resource["collection"]?.asString == "", let name = resource["db"]?.asString else { return false }
        return name == database || name.isEmpty
    }
}
