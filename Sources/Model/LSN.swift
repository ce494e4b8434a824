/// A position in the source's write-ahead log: a 64-bit byte offset, shown as two hexadecimal halves (`16/B374D848`).
///
/// Positions are compared as numbers and never computed with (no `+ 1`, no length of a message): only positions that
/// the server has named are safe to confirm.
package struct LSN: Hashable, Comparable, Sendable {
    package let rawValue: UInt64

    package init(rawValue: UInt64) { self.rawValue = rawValue }

    /// "Invalid" for PostgreSQL; START_REPLICATION reads it as "where the slot stands".
    package static let zero = LSN(rawValue: 0)

    /// Reads PostgreSQL's text form, `XXXXXXXX/XXXXXXXX` with one to eight hexadecimal digits a side.
    package init?(_ text: some StringProtocol) {
        let halves = text.split(separator: "/", omittingEmptySubsequences: false)
        guard halves.count == 2,
            let high = LSN.half(halves[0]),
            let low = LSN.half(halves[1])
        else { return nil }
        rawValue = UInt64(high) << 32 | UInt64(low)
    }

    private static func half(_ text: some StringProtocol) -> UInt32? {
        guard (1...8).contains(text.utf8.count), text.utf8.allSatisfy({ $0 != 0x2B && $0 != 0x2D }) else { return nil }
        return UInt32(text, radix: 16)
    }

    package static func < (left: LSN, right: LSN) -> Bool { left.rawValue < right.rawValue }

    /// Bytes of WAL from `earlier` to this position, 0 when `earlier` is not earlier. For display only.
    package func bytes(since earlier: LSN) -> UInt64 { earlier < self ? rawValue - earlier.rawValue : 0 }
}

extension LSN: CustomStringConvertible {
    package var description: String {
        String(rawValue >> 32, radix: 16, uppercase: true) + "/"
            + String(rawValue & 0xFFFF_FFFF, radix: 16, uppercase: true)
    }
}
