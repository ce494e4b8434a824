/// From the bytes of a key to the write that stands for it: an open-addressing table over positions in an array, made
/// anew for every batch. Bytes are compared by the caller.
struct KeyIndex {
    private var slots: [Int32]
    private var hashes: [UInt64]
    private var count = 0

    init() {
        let size = 64
        slots = Array(repeating: -1, count: size)
        hashes = Array(repeating: 0, count: size)
    }

    /// The position stored for an equal key, or nil after storing `position` for it.
    mutating func find(hash: UInt64, orInsert position: Int32, isEqual: (Int32) -> Bool) -> Int32? {
        if count * 2 >= slots.count { grow() }
        let mask = slots.count - 1
        var slot = Int(truncatingIfNeeded: hash) & mask
        while slots[slot] >= 0 {
            if hashes[slot] == hash, isEqual(slots[slot]) { return slots[slot] }
            slot = (slot + 1) & mask
        }
        slots[slot] = position
        hashes[slot] = hash
        count += 1
        return nil
    }

    private mutating func grow() {
        let (oldSlots, oldHashes) = (slots, hashes)
        slots = Array(repeating: -1, count: oldSlots.count * 2)
        hashes = Array(repeating: 0, count: slots.count)
        let mask = slots.count - 1
        for (position, hash) in zip(oldSlots, oldHashes) where position >= 0 {
            var slot = Int(truncatingIfNeeded: hash) & mask
            while slots[slot] >= 0 { slot = (slot + 1) & mask }
            slots[slot] = position
            hashes[slot] = hash
        }
    }

    /// FNV-1a over 8 bytes at a time with a final mix: keys are short, and nobody outside chooses batch contents to
    /// collide for long (a batch is bounded).
    static func hash(_ bytes: UnsafeRawBufferPointer) -> UInt64 {
        var hash: UInt64 = 0xCBF2_9CE4_8422_2325
        var offset = 0
        while offset + 8 <= bytes.count {
            hash = (hash ^ bytes.loadUnaligned(fromByteOffset: offset, as: UInt64.self)) &* 0x9E37_79B9_7F4A_7C15
            hash ^= hash >> 32
            offset += 8
        }
        while offset < bytes.count {
            hash = (hash ^ UInt64(bytes[offset])) &* 0x0000_0100_0000_01B3
            offset += 1
        }
        hash ^= hash >> 29
        hash = hash &* 0xBF58_476D_1CE4_E5B9
        return hash ^ (hash >> 32)
    }
}
