import Model

/// Builds messages by hand, big-endian, as PostgreSQL's documentation draws them.
struct MessageBytes {
    private(set) var bytes: [UInt8] = []

    init() {}

    /// An XLogData message at position 0/10 up to 0/20.
    static func data(_ type: Character) -> MessageBytes {
        var message = MessageBytes()
        message.text("w")
        message.int(UInt64(0x10))
        message.int(UInt64(0x20))
        message.int(Int64(0))
        message.text(String(type))
        return message
    }

    mutating func int<Integer: FixedWidthInteger>(_ value: Integer) {
        withUnsafeBytes(of: value.bigEndian) { bytes.append(contentsOf: $0) }
    }

    mutating func text(_ text: String) { bytes += Array(text.utf8) }

    mutating func string(_ text: String) {
        self.text(text)
        bytes.append(0)
    }

    mutating func raw(_ more: [UInt8]) { bytes += more }

    /// Columns of a pgoutput tuple: `n`, `u`, or a kind with bytes.
    mutating func tuple(_ columns: [(Character, [UInt8])]) {
        int(UInt16(columns.count))
        for (kind, value) in columns {
            text(String(kind))
            guard kind == "t" || kind == "b" else { continue }
            int(UInt32(value.count))
            raw(value)
        }
    }

    var block: ByteBlock { ByteBlock(copying: bytes) }
    var frame: Frame { .data(block, end: LSN(rawValue: 0x20)) }

    // MARK: - Whole messages

    static var begin: MessageBytes {
        var message = data("B")
        message.int(UInt64(0x1122))
        message.int(Int64(1_000_000))
        message.int(UInt32(77))
        return message
    }

    static var commit: MessageBytes {
        var message = data("C")
        message.int(UInt8(0))
        message.int(UInt64(0x1122))
        message.int(UInt64(0x1133))
        message.int(Int64(1_000_000))
        return message
    }

    static var relation: MessageBytes {
        var message = data("R")
        message.int(UInt32(4711))
        message.string("public")
        message.string("orders")
        message.text("d")
        message.int(UInt16(2))
        for (index, name) in ["id", "note"].enumerated() {
            message.int(UInt8(index == 0 ? 1 : 0))
            message.string(name)
            message.int(UInt32(index == 0 ? 23 : 25))
            message.int(Int32(-1))
        }
        return message
    }

    static func insert(oid: UInt32 = 4711, _ columns: [(Character, [UInt8])]) -> MessageBytes {
        var message = data("I")
        message.int(oid)
        message.text("N")
        message.tuple(columns)
        return message
    }
}
