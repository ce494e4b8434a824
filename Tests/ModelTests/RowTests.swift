import Model
import Testing

struct RowTests {
    @Test func lendsTheBytesOfEachField() {
        let row = Row(
            block: ByteBlock(copying: Array("abcdef".utf8)),
            fields: [
                Field(kind: .text, offset: 0, count: 2), Field(kind: .null), Field(kind: .binary, offset: 2, count: 4),
            ])
        #expect(Array(row.bytes(row.fields[0])) == Array("ab".utf8))
        #expect(Array(row.bytes(row.fields[2])) == Array("cdef".utf8))
        #expect(row.bytes(row.fields[1]).isEmpty)
        #expect(row.isWhole)
    }

    @Test func anUnchangedValueIsNotNull() {
        let row = Row(block: ByteBlock(copying: []), fields: [Field(kind: .null), Field(kind: .unchanged)])
        #expect(!row.isWhole)
        #expect(OldRow.key(row).row.fields == row.fields)
    }
}
