/// Bytes of one message as they came from the server, shared by everything decoded from it and freed with the last of
/// it. `@unchecked Sendable`: nobody writes after `init`.
package final class ByteBlock: @unchecked Sendable {
    package let base: UnsafeRawPointer
    package let count: Int
    private let release: @Sendable (UnsafeMutableRawPointer) -> Void

    /// Takes over memory that `release` can free.
    package init(
        adopting memory: UnsafeMutableRawPointer, count: Int,
        release: @escaping @Sendable (UnsafeMutableRawPointer) -> Void
    ) {
        self.base = UnsafeRawPointer(memory)
        self.count = count
        self.release = release
    }

    package init(copying bytes: some Collection<UInt8>) {
        let memory = UnsafeMutableRawBufferPointer.allocate(byteCount: max(bytes.count, 1), alignment: 8)
        memory.copyBytes(from: bytes)
        self.base = UnsafeRawPointer(memory.baseAddress!)
        self.count = bytes.count
        self.release = { $0.deallocate() }
    }

    deinit { release(UnsafeMutableRawPointer(mutating: base)) }
}

/// Where one column's value lies in a row's block, and in which form. 12 bytes.
package struct Field: Hashable, Sendable {
    package enum Kind: UInt8, Sendable {
        case null
        /// An unchanged TOAST value: the server did not send it. It is *not* null.
        case unchanged
        /// The output function's text.
        case text
        /// The send function's bytes.
        case binary
    }

    package let kind: Kind
    package let offset: UInt32
    package let count: UInt32

    package init(kind: Kind, offset: UInt32 = 0, count: UInt32 = 0) {
        self.kind = kind
        self.offset = offset
        self.count = count
    }
}

/// One row as the server sent it: nothing is decoded yet. `fields` run parallel to the columns of the table version it
/// came with.
package struct Row: Sendable {
    package let block: ByteBlock
    package let fields: [Field]

    package init(block: ByteBlock, fields: [Field]) {
        self.block = block
        self.fields = fields
    }

    /// The bytes of a `.text` or `.binary` field; valid while the row is alive.
    @inline(__always)
    package func bytes(_ field: Field) -> UnsafeRawBufferPointer {
        UnsafeRawBufferPointer(start: block.base + Int(field.offset), count: Int(field.count))
    }

    /// Whether every value was sent (no unchanged TOAST value is missing).
    package var isWhole: Bool { !fields.contains { $0.kind == .unchanged } }
}

/// What the stream says of a row before its change.
package enum OldRow: Sendable {
    /// Only the replica identity's columns are there, the others are null. Sent when one of them changed.
    case key(Row)
    /// Every column (REPLICA IDENTITY FULL), unchanged TOAST values included.
    case full(Row)

    package var row: Row {
        switch self {
        case .key(let row), .full(let row): row
        }
    }
}
