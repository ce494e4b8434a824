import Model

/// 1,000 changes as pgoutput sends them, in transactions of ten: six inserts, three updates, one delete. No key comes
/// twice.
package enum SampleStream {
    package static let changes = 1000

    package static let frames: [Frame] = (0..<changes / 10).flatMap { number in
        let lsn = UInt64(number) * 1000 + 1000
        return [frame("B", bigEndian(lsn) + bigEndian(Int64(0)) + bigEndian(UInt32(number) + 700))]
            + (0..<10).map { change($0, number * 10 + $0) }
            + [frame("C", [0] + bigEndian(lsn) + bigEndian(lsn + 50) + bigEndian(Int64(0)))]
    }

    private static func change(_ digit: Int, _ number: Int) -> Frame {
        let (relation, id) = (bigEndian(SampleRows.schema.oid), number * 997)
        switch digit {
        case 2, 5, 7: return frame("U", relation + [UInt8(ascii: "N")] + tuple(SampleRows.values(id, status: "paid")))
        case 9:
            let others = Array(repeating: nil as [UInt8]?, count: SampleRows.schema.columns.count - 1)
            return frame("D", relation + [UInt8(ascii: "K")] + tuple([SampleRows.key(id)] + others))
        default: return frame("I", relation + [UInt8(ascii: "N")] + tuple(SampleRows.values(id)))
        }
    }

    private static func tuple(_ values: [[UInt8]?]) -> [UInt8] {
        bigEndian(Int16(values.count))
            + values.flatMap { value in
                value.map { [UInt8(ascii: "b")] + bigEndian(Int32($0.count)) + $0 } ?? [UInt8(ascii: "n")]
            }
    }

    /// With the header of XLogData, which holds positions and a time.
    private static func frame(_ type: UnicodeScalar, _ message: [UInt8]) -> Frame {
        let header = [UInt8(ascii: "w")] + Array(repeating: 0, count: 24)
        return .data(ByteBlock(copying: header + [UInt8(ascii: type)] + message), end: .zero)
    }

    private static func bigEndian<Value: FixedWidthInteger>(_ value: Value) -> [UInt8] { SampleRows.bigEndian(value) }
}
