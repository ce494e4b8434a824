/// Which transactions a snapshot of the source sees: `pg_snapshot` in 64-bit transaction ids (PostgreSQL documentation,
/// "Transaction ID and Snapshot Information Functions").
///
/// Visibility only grows: what one snapshot sees, every later one sees too.
package struct VisibilitySnapshot: Hashable, Sendable {
    /// The oldest transaction still running: everything before it has ended, and is visible if it committed.
    package let xmin: UInt64
    /// One past the newest transaction that has ended: nothing from here on is visible.
    package let xmax: UInt64
    /// Those between `xmin` and `xmax` that were still running; ascending. Top-level ids only.
    package let running: [UInt64]

    /// Reads `pg_current_snapshot()::text`: `xmin:xmax:xip,xip`, numbers in decimal and ascending.
    package init?(_ text: some StringProtocol) {
        let parts = text.split(separator: ":", omittingEmptySubsequences: false)
        guard parts.count == 3,
            let xmin = VisibilitySnapshot.number(parts[0]),
            let xmax = VisibilitySnapshot.number(parts[1]), xmin <= xmax
        else { return nil }
        var running: [UInt64] = []
        if !parts[2].isEmpty {
            for item in parts[2].split(separator: ",", omittingEmptySubsequences: false) {
                guard let xid = VisibilitySnapshot.number(item), xid >= xmin, xid < xmax,
                    running.last.map({ $0 < xid }) ?? true
                else { return nil }
                running.append(xid)
            }
        }
        self.xmin = xmin
        self.xmax = xmax
        self.running = running
    }

    /// - Parameter running: ascending, from `xmin` up to below `xmax`.
    package init(xmin: UInt64, xmax: UInt64, running: [UInt64]) {
        self.xmin = xmin
        self.xmax = xmax
        self.running = running
    }

    private static func number(_ text: some StringProtocol) -> UInt64? {
        guard text.utf8.allSatisfy({ (0x30...0x39).contains($0) }) else { return nil }
        return UInt64(text)
    }

    /// Whether a transaction that has committed by now is visible. Ask for top-level ids, as the stream carries them.
    package func sees(_ xid: UInt64) -> Bool {
        if xid < xmin { return true }
        if xid >= xmax { return false }
        var (low, high) = (0, running.count)
        while low < high {
            let middle = (low + high) / 2
            if running[middle] == xid { return false }
            if running[middle] < xid { low = middle + 1 } else { high = middle }
        }
        return true
    }

    /// The 64-bit id of a 32-bit one from the wire: of all with these low bits the one nearest to `xmax`.
    ///
    /// Right for ids of the stream: the server lets no two ids in use be 2³¹ or more apart.
    package func widen(_ xid: UInt32) -> UInt64 { VisibilitySnapshot.widen(xid, near: xmax) }

    /// The 64-bit id nearest to another one.
    package static func widen(_ xid: UInt32, near known: UInt64) -> UInt64 {
        let distance = Int32(bitPattern: xid &- UInt32(truncatingIfNeeded: known))
        let (wide, isBeyond) = known.addingReportingOverflow(UInt64(bitPattern: Int64(distance)))
        // A negative distance carries exactly when the result isn't negative.
        if distance < 0 { return isBeyond ? wide : wide &+ (1 << 32) }
        return isBeyond ? wide &- (1 << 32) : wide
    }
}

extension VisibilitySnapshot: CustomStringConvertible {
    package var description: String { "\(xmin):\(xmax):\(running.map(String.init).joined(separator: ","))" }
}
