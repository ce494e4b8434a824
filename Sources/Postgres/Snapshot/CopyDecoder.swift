import Model

/// Decodes COPY's binary format (PostgreSQL documentation, COPY, "Binary Format"):
///
///     header    "PGCOPY\n\377\r\n\0", Int32 flags, Int32 n, Byte[n]
///     tuple     Int16 columns, each: Int32 n (-1: NULL), Byte[n]
///     trailer   Int16 -1
///
/// The server sends a row a message, the header with the first row; other divisions are understood as well: what is
/// left of a message goes in front of the next one.
package struct CopyDecoder {
    package let table: TableName
    private let kinds: [Field.Kind]
    private var isHeaderRead = false
    private var isTrailerRead = false
    /// Bytes of a tuple that isn't complete yet.
    private var rest: [UInt8] = []

    private static let signature: [UInt8] = Array("PGCOPY\n".utf8) + [0xFF, 0x0D, 0x0A, 0x00]

    /// - Parameter isText: Parallel to the columns: which ones hold the output function's text.
    package init(table: TableName, isText: [Bool]) {
        self.table = table
        kinds = isText.map { $0 ? .text : .binary }
    }

    /// Appends the rows that `message` completes.
    ///
    /// - Throws: `Failure` of kind `.unexpected`.
    package mutating func decode(_ message: ByteBlock, into rows: inout [Row]) throws {
        let block = rest.isEmpty ? message : joined(message)
        rest = []
        var cursor = ByteCursor(base: block.base, offset: 0, end: block.count)
        do {
            guard try isHeaderRead || readHeader(&cursor, block) else { return }
            while cursor.offset < cursor.end {
                guard !isTrailerRead else {
                    throw ByteCursor.Underrun(offset: cursor.offset, reason: "bytes after the end")
                }
                let start = cursor.offset
                guard let fields = try tuple(&cursor) else {
                    if isTrailerRead { continue }
                    return keep(block, from: start)
                }
                rows.append(Row(block: block, fields: fields))
            }
        } catch let error as ByteCursor.Underrun {
            throw failure("offset \(error.offset): \(error.reason)")
        }
    }

    /// - Throws: `Failure` of kind `.unexpected` when the data ended too early.
    package func finish() throws {
        guard isTrailerRead, rest.isEmpty else { throw failure("it ends too early") }
    }

    private func failure(_ reason: String) -> Failure {
        Failure(
            .unexpected, "the copy of \(table) can't be read: \(reason)",
            hint: "This is a defect in wherry or an unknown kind of server: please report it with the server's version."
        )
    }

    private func joined(_ message: ByteBlock) -> ByteBlock {
        ByteBlock(copying: rest + UnsafeRawBufferPointer(start: message.base, count: message.count))
    }

    private mutating func keep(_ block: ByteBlock, from offset: Int) {
        rest = [UInt8](UnsafeRawBufferPointer(start: block.base + offset, count: block.count - offset))
    }

    /// False when the header isn't complete.
    private mutating func readHeader(_ cursor: inout ByteCursor, _ block: ByteBlock) throws -> Bool {
        let bytes = UnsafeRawBufferPointer(start: block.base, count: block.count)
        guard bytes.starts(with: CopyDecoder.signature.prefix(block.count)) else {
            throw ByteCursor.Underrun(offset: 0, reason: "no signature")
        }
        var attempt = cursor
        do {
            _ = try attempt.skip(CopyDecoder.signature.count)
            let flags = try attempt.integer(UInt32.self)
            guard flags & 0xFFFF_0000 == 0 else {
                throw Failure(.unexpected, "the copy of \(table) has critical flags that are unknown")
            }
            let extra = try attempt.integer(UInt32.self)
            _ = try attempt.skip(Int(extra))
        } catch is ByteCursor.Underrun {
            keep(block, from: 0)
            return false
        }
        cursor = attempt
        isHeaderRead = true
        return true
    }

    /// nil for the trailer, and for a tuple that isn't complete.
    @inline(__always)
    private mutating func tuple(_ cursor: inout ByteCursor) throws -> [Field]? {
        guard cursor.end - cursor.offset >= 2 else { return nil }
        let start = cursor.offset
        let columns = try cursor.integer(Int16.self)
        if columns == -1 {
            isTrailerRead = true
            return nil
        }
        guard Int(columns) == kinds.count else {
            throw ByteCursor.Underrun(offset: start, reason: "not the \(kinds.count) columns that were asked for")
        }
        var isWhole = true
        let fields = try [Field](unsafeUninitializedCapacity: kinds.count) { fields, initialized in
            while initialized < kinds.count {
                guard let field = try field(&cursor, kinds[initialized]) else {
                    isWhole = false
                    return
                }
                (fields.baseAddress! + initialized).initialize(to: field)
                initialized += 1
            }
        }
        return isWhole ? fields : nil
    }

    /// nil when it isn't complete.
    @inline(__always)
    private func field(_ cursor: inout ByteCursor, _ kind: Field.Kind) throws -> Field? {
        guard cursor.end - cursor.offset >= 4 else { return nil }
        let count = try cursor.integer(Int32.self)
        if count == -1 { return Field(kind: .null) }
        guard count >= 0 else { throw ByteCursor.Underrun(offset: cursor.offset - 4, reason: "a negative length") }
        guard cursor.end - cursor.offset >= Int(count) else { return nil }
        let offset = try cursor.skip(Int(count))
        return Field(kind: kind, offset: UInt32(truncatingIfNeeded: offset), count: UInt32(truncatingIfNeeded: count))
    }
}
