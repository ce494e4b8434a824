import Synchronization

/// Large buffers that were used, for those who need one next: fresh memory costs a page fault for every 4 KB of it, and
/// a buffer that grows is copied each time. A handful is kept, of a few MB each.
enum BufferPool {
    /// Smaller ones the allocator keeps by itself.
    private static let smallest = 64 << 10
    private static let largest = 4 << 20
    private static let most = 4

    /// `@unchecked Sendable`: whoever takes a buffer out is its only owner.
    private struct Buffer: @unchecked Sendable {
        let base: UnsafeMutableRawPointer
        let capacity: Int
    }

    /// The largest last.
    private static let buffers = Mutex<[Buffer]>([])

    /// A buffer of `capacity` bytes or more, with anything in it.
    static func take(_ capacity: Int) -> (base: UnsafeMutableRawPointer, capacity: Int) {
        let kept =
            capacity < smallest ? nil : buffers.withLock { $0.last?.capacity ?? 0 < capacity ? nil : $0.popLast() }
        if let kept { return (kept.base, kept.capacity) }
        return (.allocate(byteCount: capacity, alignment: 16), capacity)
    }

    /// Takes over what `take` has given; the smallest goes when there are too many.
    static func give(_ base: UnsafeMutableRawPointer, _ capacity: Int) {
        guard smallest <= capacity, capacity <= largest else { return base.deallocate() }
        let surplus = buffers.withLock { buffers in
            let place = buffers.firstIndex { $0.capacity > capacity } ?? buffers.count
            buffers.insert(Buffer(base: base, capacity: capacity), at: place)
            return buffers.count > most ? buffers.removeFirst() : nil
        }
        surplus?.base.deallocate()
    }
}
