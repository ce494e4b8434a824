import CLibPQ
import Glibc

/// Reading a COPY OUT or COPY BOTH message by message (libpq documentation, "Functions Associated with the COPY
/// Command").
extension Session {
    enum CopyMessage {
        /// One CopyData message in memory that `PQfreemem` frees.
        case data(UnsafeMutableRawPointer, count: Int)
        /// Nothing complete has arrived.
        case pending
        /// The server has ended the COPY, well or badly: `finishCopy` tells.
        case ended
    }

    /// The next message that is here already; neither reads the socket nor waits.
    @inline(__always)
    func nextCopyMessage() throws -> CopyMessage {
        var buffer: UnsafeMutablePointer<CChar>?
        let count = PQgetCopyData(connection, &buffer, 1)
        if count > 0, let buffer { return .data(UnsafeMutableRawPointer(buffer), count: Int(count)) }
        return switch count {
        case 0: .pending
        case -1: .ended
        default: throw lost()
        }
    }

    /// Takes in what the socket has; libpq grows its buffer as a message needs it.
    func readSocket() throws {
        guard PQconsumeInput(connection) == 1 else { throw lost() }
    }

    /// After `.ended`: the server's last word.
    ///
    /// - Throws: `ServerError` when it was an error.
    func finishCopy() throws {
        var failure: ServerError?
        let deadline = ContinuousClock.now + .seconds(10)
        while let result = try nextResult(until: deadline) {
            defer { PQclear(result) }
            switch PQresultStatus(result) {
            case PGRES_COMMAND_OK, PGRES_TUPLES_OK: continue
            case PGRES_COPY_BOTH, PGRES_COPY_OUT:
                giveUp()
                return
            default: failure = failure ?? serverError(result)
            }
        }
        if let failure { throw failure }
    }

    /// Tells the server that nothing more comes from us; in COPY BOTH it then ends the stream from its side.
    func putCopyEnd() throws {
        guard PQputCopyEnd(connection, nil) >= 0 else { throw lost() }
    }

    /// Queues a CopyData message and sends as much as the socket takes.
    func putCopyData(_ bytes: UnsafeRawBufferPointer) throws {
        let queued = PQputCopyData(
            connection, bytes.baseAddress?.assumingMemoryBound(to: CChar.self), Int32(clamping: bytes.count))
        guard queued >= 0 else { throw lost() }
        _ = try flush()
    }

    /// Whether everything queued has gone out.
    func flush() throws -> Bool {
        let left = PQflush(connection)
        guard left >= 0 else { throw lost() }
        return left == 0
    }
}
