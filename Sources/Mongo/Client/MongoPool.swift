import CLibMongo
import Glibc
import Model
import Synchronization

/// A MongoDB deployment: the parsed URI and the library's connection pool (which watches the servers in the
/// background).
///
/// `@unchecked Sendable`: `mongoc_client_pool_t` is thread-safe, the rest never changes.
package final class MongoPool: @unchecked Sendable {
    private let pool: OpaquePointer
    /// Hosts and ports, for messages; never user or password.
    package let address: String
    /// The database named in the URI.
    package let database: String

    private static let library: Void = {
        wherry_silence_log()
        mongoc_init()
    }()

    /// - Parameter isPatient: for commands that may take hours. Whether the server is still there only the keep-alive of
    ///   TCP says then, which libmongoc turns on (mongoc-socket.c: two minutes of silence, then nine probes in 90 s).
    /// - Throws: `Failure(.configuration)` for a URI that can't be parsed or names no database.
    package init(uri text: String, applicationName: String, isPatient: Bool = false) throws {
        _ = MongoPool.library
        var error = bson_error_t()
        guard let uri = mongoc_uri_new_with_error(text, &error) else {
            throw Failure(
                .configuration, "the target URI can't be parsed",
                hint: "It looks like mongodb://user:password@host:27017/database?replicaSet=rs0; special characters in "
                    + "user and password are percent-encoded.")
        }
        defer { mongoc_uri_destroy(uri) }
        guard let name = mongoc_uri_get_database(uri), name.pointee != 0 else {
            throw Failure(
                .configuration, "the target URI names no database",
                hint: "Put it after the hosts: mongodb://host:27017/shop?replicaSet=rs0")
        }
        database = String(cString: name)
        address = MongoPool.hosts(uri)
        mongoc_uri_set_appname(uri, applicationName)
        MongoPool.bound(uri, option: MONGOC_URI_SERVERSELECTIONTIMEOUTMS, milliseconds: 10_000)
        MongoPool.bound(uri, option: MONGOC_URI_CONNECTTIMEOUTMS, milliseconds: 10_000)
        // Also where the URI says otherwise; libmongoc takes 0 for its default.
        if isPatient { mongoc_uri_set_option_as_int32(uri, MONGOC_URI_SOCKETTIMEOUTMS, .max) }
        // A server that hangs is noticed after half a minute, not after five.
        MongoPool.bound(uri, option: MONGOC_URI_SOCKETTIMEOUTMS, milliseconds: 30_000)
        // After a lost connection the library waits for its next look at the server: a second, not ten.
        MongoPool.bound(uri, option: MONGOC_URI_HEARTBEATFREQUENCYMS, milliseconds: 1000)
        guard let pool = mongoc_client_pool_new_with_error(uri, &error) else {
            throw Failure(.configuration, "the target URI is refused by the MongoDB library")
        }
        mongoc_client_pool_set_error_api(pool, MONGOC_ERROR_API_VERSION_2)
        // More than the copy can have workers (64): taking a client beyond the limit would wait for ever.
        mongoc_client_pool_max_size(pool, 100)
        self.pool = pool
    }

    /// On a thread that nobody waits for: the library's own, which watch the servers, may take half a second each to
    /// notice that they are to end (mongoc-server-monitor.c, MONGOC_TOPOLOGY_MIN_HEARTBEAT_FREQUENCY_MS).
    deinit {
        var thread = pthread_t()
        let failed = pthread_create(
            &thread, nil,
            {
                mongoc_client_pool_destroy(OpaquePointer($0))
                return nil
            }, UnsafeMutableRawPointer(pool))
        if failed == 0 { pthread_detach(thread) } else { mongoc_client_pool_destroy(pool) }
    }

    /// Sets a time limit unless the URI has one.
    private static func bound(_ uri: OpaquePointer, option: String, milliseconds: Int32) {
        if mongoc_uri_get_option_as_int32(uri, option, -1) == -1 {
            mongoc_uri_set_option_as_int32(uri, option, milliseconds)
        }
    }

    private static func hosts(_ uri: OpaquePointer) -> String {
        var names: [String] = []
        var host = mongoc_uri_get_hosts(uri)
        while let entry = host {
            names.append(
                withUnsafeBytes(of: entry.pointee.host_and_port) { bytes in
                    String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
                })
            host = UnsafePointer(entry.pointee.next)
        }
        return names.isEmpty ? "the configured SRV name" : names.joined(separator: ",")
    }

    func pop() -> OpaquePointer { mongoc_client_pool_pop(pool) }
    func push(_ client: OpaquePointer) { mongoc_client_pool_push(pool, client) }

    /// Takes the name from the library's counters in shared memory, which it makes when it is loaded, before `main`
    /// (mongoc-counters.c, mongoc-init.c). A process that is killed would leave the file behind, and a later one of the
    /// same pid would be told of it on standard error.
    package static func unlinkCounters() {
        shm_unlink("/mongoc-\(getpid())")
    }

    /// Version of libmongoc at run time.
    package static var libraryVersion: String { String(cString: mongoc_get_version()) }
}
