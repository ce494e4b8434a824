import Foundation
import Model

/// The touches of one collection, in the order of commits. Keys lie in one arena behind a hash index (open addressing);
/// the touches of a key are a chain from the newest to the oldest. What the floor sees is swept out once it is half of
/// everything, so that forgetting costs a touch no more than a few copies of its 16 bytes.
struct TouchTable {
    private struct Key {
        /// Where its bytes end in the arena; they begin where those of the key before end.
        var end: Int
        var hash: UInt32
        /// Position of its last touch; -1 only while a sweep runs.
        var newest: Int32
    }

    private struct Touch {
        let xid: UInt64
        /// Position of the key, and the lowest bit for a partial change.
        var keyAndKind: UInt32
        /// Position of the key's touch before this one, or -1.
        var older: Int32

        var key: Int { Int(keyAndKind >> 1) }
        var isPartial: Bool { keyAndKind & 1 == 1 }

        init(xid: UInt64, key: Int, isPartial: Bool, older: Int32) {
            self.xid = xid
            keyAndKind = UInt32(truncatingIfNeeded: key) << 1 | (isPartial ? 1 : 0)
            self.older = older
        }
    }

    private struct Truncation: Equatable {
        let xid: UInt64
        let part: CollectionPart
    }

    private var arena: [UInt8] = []
    private var keys: [Key] = []
    private var touches: [Touch] = []
    /// Positions of keys, or -1; a power of two of them, or none.
    private var slots: [Int32] = []
    /// Transactions that truncated a table of the collection.
    private var truncations: [Truncation] = []

    /// How many touches at the front the floor sees.
    private var seenPrefix = 0
    /// How many touches the last sweep left.
    private var sweptCount = 0

    var byteCount: Int {
        arena.capacity + keys.capacity * MemoryLayout<Key>.stride + touches.capacity * MemoryLayout<Touch>.stride
            + slots.capacity * MemoryLayout<Int32>.stride + truncations.capacity * MemoryLayout<Truncation>.stride
    }

    mutating func touchAll(in part: CollectionPart, by xid: UInt64) {
        let truncation = Truncation(xid: xid, part: part)
        if truncations.last != truncation { truncations.append(truncation) }
    }

    mutating func touch(_ bytes: UnsafeRawBufferPointer, by xid: UInt64, isPartial: Bool) {
        let key = findOrInsert(bytes)
        let newest = keys[key].newest
        if newest >= 0, touches[Int(newest)].xid == xid {
            // One transaction is seen whole or not at all: one touch of it is enough.
            if !isPartial { touches[Int(newest)].keyAndKind &= ~1 }
            return
        }
        keys[key].newest = Int32(touches.count)
        touches.appendGrowingByHalf(Touch(xid: xid, key: key, isPartial: isPartial, older: newest))
    }

    func verdict(on bytes: UnsafeRawBufferPointer, for snapshot: VisibilitySnapshot) -> TouchLog.Verdict {
        if truncations.contains(where: { !snapshot.sees($0.xid) && $0.part.contains(bytes) }) { return .skip }
        guard let key = find(bytes, hash: TouchTable.hash(bytes)).key else { return .write }
        var verdict = TouchLog.Verdict.write
        var next = keys[key].newest
        while next >= 0 {
            let touch = touches[Int(next)]
            if !snapshot.sees(touch.xid) {
                guard touch.isPartial else { return .skip }
                verdict = .readAgain
            }
            next = touch.older
        }
        return verdict
    }

    // MARK: - Forgetting

    /// Forgets touches that the snapshot sees, sooner or later. (Those that stay a while change no verdict.)
    mutating func forget(upTo floor: VisibilitySnapshot) {
        truncations.removeAll { floor.sees($0.xid) }
        while seenPrefix < touches.count, floor.sees(touches[seenPrefix].xid) { seenPrefix += 1 }
        // Half is seen; or as much has come as there was, behind a transaction that is not seen for long.
        let isHalfSeen = seenPrefix > 0 && seenPrefix >= touches.count / 2
        if isHalfSeen || touches.count - sweptCount >= max(sweptCount, 64) { sweep(floor) }
    }

    private mutating func sweep(_ floor: VisibilitySnapshot) {
        for key in keys.indices { keys[key].newest = -1 }
        var kept = 0
        for var touch in touches where !floor.sees(touch.xid) {
            touch.older = keys[touch.key].newest
            keys[touch.key].newest = Int32(kept)
            touches[kept] = touch
            kept += 1
        }
        touches.removeSubrange(kept...)
        touches.releaseSlack()
        sweptCount = kept
        seenPrefix = 0
        sweepKeys()
    }

    /// Moves the keys that still have touches together, tells their touches, and makes the index anew.
    private mutating func sweepKeys() {
        var kept = 0
        var keptBytes = 0
        var start = 0
        for position in keys.indices {
            var key = keys[position]
            let range = start..<key.end
            start = key.end
            guard key.newest >= 0 else { continue }
            moveBytes(range, to: keptBytes)
            keptBytes += range.count
            key.end = keptBytes
            keys[kept] = key
            var next = Int(key.newest)
            while next >= 0 {
                let touch = touches[next]
                touches[next] = Touch(xid: touch.xid, key: kept, isPartial: touch.isPartial, older: touch.older)
                next = Int(touch.older)
            }
            kept += 1
        }
        keys.removeSubrange(kept...)
        keys.releaseSlack()
        arena.removeSubrange(keptBytes...)
        arena.releaseSlack()
        makeIndex()
    }

    private mutating func moveBytes(_ range: Range<Int>, to start: Int) {
        guard start < range.lowerBound else { return }
        arena.withUnsafeMutableBytes { bytes in
            guard let base = bytes.baseAddress else { return }
            (base + start).copyMemory(from: base + range.lowerBound, byteCount: range.count)
        }
    }

    // MARK: - Index

    private static func hash(_ bytes: UnsafeRawBufferPointer) -> UInt32 {
        UInt32(truncatingIfNeeded: KeyIndex.hash(bytes))
    }

    /// The key of these bytes, or the slot where it would stand.
    private func find(_ bytes: UnsafeRawBufferPointer, hash: UInt32) -> (key: Int?, slot: Int) {
        guard !slots.isEmpty else { return (nil, 0) }
        let mask = slots.count - 1
        var slot = Int(hash) & mask
        while slots[slot] >= 0 {
            let key = Int(slots[slot])
            if keys[key].hash == hash, hasBytes(key, bytes) { return (key, slot) }
            slot = (slot + 1) & mask
        }
        return (nil, slot)
    }

    private mutating func findOrInsert(_ bytes: UnsafeRawBufferPointer) -> Int {
        if (keys.count + 1) * 4 > slots.count * 3 { makeIndex() }
        let hash = TouchTable.hash(bytes)
        let (found, slot) = find(bytes, hash: hash)
        if let found { return found }
        if arena.count + bytes.count > arena.capacity {
            arena.reserveCapacity(max(256, arena.count + bytes.count, arena.count / 2 * 3))
        }
        arena.append(contentsOf: bytes)
        let key = keys.count
        slots[slot] = Int32(key)
        keys.appendGrowingByHalf(Key(end: arena.count, hash: hash, newest: -1))
        return key
    }

    /// Makes the index for the keys there are and at least one more, at most three quarters full.
    private mutating func makeIndex() {
        var size = 64
        while size * 3 < (keys.count + 1) * 4 { size *= 2 }
        slots = Array(repeating: -1, count: size)
        let mask = size - 1
        for (position, key) in keys.enumerated() {
            var slot = Int(key.hash) & mask
            while slots[slot] >= 0 { slot = (slot + 1) & mask }
            slots[slot] = Int32(position)
        }
    }

    private func hasBytes(_ key: Int, _ bytes: UnsafeRawBufferPointer) -> Bool {
        let start = key == 0 ? 0 : keys[key - 1].end
        guard keys[key].end - start == bytes.count else { return false }
        return arena.withUnsafeBytes { arena in
            guard let own = arena.baseAddress, let other = bytes.baseAddress else { return true }
            return memcmp(own + start, other, bytes.count) == 0
        }
    }
}

extension Array {
    /// As `append`, but memory grows by half: a log that may not exceed a limit leaves less of it unused.
    fileprivate mutating func appendGrowingByHalf(_ element: Element) {
        if count == capacity { reserveCapacity(Swift.max(64, count + count / 2)) }
        append(element)
    }

    /// Gives memory back when less than a quarter of it is used.
    fileprivate mutating func releaseSlack() {
        guard capacity > 1024, count < capacity / 4 else { return }
        var copy: [Element] = []
        copy.reserveCapacity(count)
        copy.append(contentsOf: self)
        self = copy
    }
}
