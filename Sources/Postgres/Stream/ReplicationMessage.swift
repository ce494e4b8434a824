import CLibPQ
import Glibc
import Model

/// The messages inside COPY BOTH (PostgreSQL documentation, "Streaming Replication Protocol"):
///
///     'w' XLogData           Int64 start, Int64 end, Int64 time sent, then the plugin's bytes
///     'k' Primary keepalive  Int64 end, Int64 time sent, Byte reply requested
///     'r' Standby status     Int64 written, Int64 flushed, Int64 applied, Int64 time, Byte reply requested
enum ReplicationMessage {
    /// Where the plugin's bytes begin in an XLogData message.
    static let headerCount = 25

    /// Takes the memory over: an XLogData keeps it, as it is, header included.
    ///
    /// - Throws: `Failure` of kind `.unexpected`.
    @inline(__always)
    static func frame(_ memory: UnsafeMutableRawPointer, _ count: Int) throws -> Frame {
        let type = memory.load(as: UInt8.self)
        if type == UInt8(ascii: "w"), count >= headerCount {
            let end = UInt64(bigEndian: memory.loadUnaligned(fromByteOffset: 9, as: UInt64.self))
            let block = ByteBlock(adopting: memory, count: count) { PQfreemem($0) }
            return .data(block, end: LSN(rawValue: end))
        }
        defer { PQfreemem(memory) }
        guard type == UInt8(ascii: "k"), count >= 18 else {
            throw Failure(
                .unexpected, "the stream holds a message of type \(type) with \(count) bytes that makes no sense")
        }
        let position = UInt64(bigEndian: memory.loadUnaligned(fromByteOffset: 1, as: UInt64.self))
        let replyRequested = memory.load(fromByteOffset: 17, as: UInt8.self) != 0
        return .keepalive(position: LSN(rawValue: position), replyRequested: replyRequested)
    }

    /// Written is what was received; flushed and applied are what is durable in the target.
    static func status(received: LSN, applied: LSN) -> [UInt8] {
        var bytes: [UInt8] = [UInt8(ascii: "r")]
        bytes.reserveCapacity(34)
        for value in [received.rawValue, applied.rawValue, applied.rawValue, microsecondsSince2000()] {
            withUnsafeBytes(of: value.bigEndian) { bytes.append(contentsOf: $0) }
        }
        bytes.append(0)
        return bytes
    }

    private static func microsecondsSince2000() -> UInt64 {
        var now = timespec()
        clock_gettime(CLOCK_REALTIME, &now)
        let seconds = Int64(now.tv_sec) - SourceTime.epochOffsetSeconds
        return UInt64(bitPattern: seconds &* 1_000_000 &+ Int64(now.tv_nsec) / 1000)
    }
}
