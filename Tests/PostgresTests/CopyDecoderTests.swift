import Model
import Postgres
import Testing

@Suite("COPY's binary format, decoded from bytes made by hand")
struct CopyDecoderTests {
    private static func header(extra: [UInt8] = []) -> [UInt8] {
        var message = MessageBytes()
        message.text("PGCOPY\n")
        message.raw([0xFF, 0x0D, 0x0A, 0x00])
        message.int(UInt32(0))
        message.int(UInt32(extra.count))
        message.raw(extra)
        return message.bytes
    }

    private static func row(_ id: Int32, _ text: String?) -> [UInt8] {
        var message = MessageBytes()
        message.int(Int16(2))
        message.int(Int32(4))
        message.int(id)
        if let text {
            message.int(Int32(text.utf8.count))
            message.text(text)
        } else {
            message.int(Int32(-1))
        }
        return message.bytes
    }

    private static let trailer: [UInt8] = [0xFF, 0xFF]

    private func decoder() -> CopyDecoder {
        CopyDecoder(table: TableName(schema: "public", name: "t"), isText: [false, true])
    }

    private func texts(_ rows: [Row]) -> [String?] {
        rows.map { row in
            let field = row.fields[1]
            return field.kind == .null ? nil : String(decoding: row.bytes(field), as: UTF8.self)
        }
    }

    @Test func rowsWithTheirForms() throws {
        var decoder = decoder()
        var rows: [Row] = []
        try decoder.decode(ByteBlock(copying: Self.header() + Self.row(1, "a")), into: &rows)
        try decoder.decode(ByteBlock(copying: Self.row(2, nil)), into: &rows)
        try decoder.decode(ByteBlock(copying: Self.trailer), into: &rows)
        try decoder.finish()
        #expect(texts(rows) == ["a", nil])
        #expect(rows[0].fields.map(\.kind) == [.binary, .text])
        #expect(Array(rows[1].bytes(rows[1].fields[0])) == [0, 0, 0, 2])
    }

    @Test func anyDivisionIntoMessages() throws {
        let names = (0..<6).map { $0 == 3 ? nil : "row \($0)" }
        let rowBytes = names.enumerated().flatMap { Self.row(Int32($0), $1) }
        let bytes = Self.header(extra: [9, 9, 9]) + rowBytes + Self.trailer
        var random = SplitMix(seed: 7)
        for size in Array(1...20) + [bytes.count] {
            var decoder = decoder()
            var rows: [Row] = []
            var rest = bytes[...]
            while !rest.isEmpty {
                let count = min(rest.count, size == 20 ? Int.random(in: 1...40, using: &random) : size)
                try decoder.decode(ByteBlock(copying: rest.prefix(count)), into: &rows)
                rest = rest.dropFirst(count)
            }
            try decoder.finish()
            #expect(texts(rows) == names, "in pieces of \(size)")
        }
    }

    @Test func anEmptyTable() throws {
        var decoder = decoder()
        var rows: [Row] = []
        try decoder.decode(ByteBlock(copying: Self.header() + Self.trailer), into: &rows)
        try decoder.finish()
        #expect(rows.isEmpty)
    }

    @Test func dataThatEndsTooEarly() throws {
        let bytes = Self.header() + Self.row(1, "a") + Self.trailer
        for count in 0..<bytes.count {
            var decoder = decoder()
            var rows: [Row] = []
            try decoder.decode(ByteBlock(copying: bytes.prefix(count)), into: &rows)
            #expect(throws: Failure.self) { try decoder.finish() }
        }
    }

    @Test(arguments: [
        [UInt8](repeating: 0x41, count: 30), header() + [0, 3, 0, 0, 0, 0], header() + [0, 2, 0x80, 0, 0, 0],
        header() + trailer + [0], Array(header().prefix(11)) + [0, 1, 0, 0, 0, 0, 0, 0],
    ])
    func dataThatMakesNoSense(_ bytes: [UInt8]) {
        var decoder = decoder()
        var rows: [Row] = []
        #expect(throws: Failure.self) { try decoder.decode(ByteBlock(copying: bytes), into: &rows) }
    }
}
