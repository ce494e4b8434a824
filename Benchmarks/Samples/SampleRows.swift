import Foundation
import Model

/// Rows of the benchmark's table (Benchmarks/rows.sql) in binary, as COPY and pgoutput bring them.
package enum SampleRows {
    /// Columns with their types' oids (pg_type.dat).
    private static let types: [(name: String, oid: UInt32)] = [
        ("id", 20), ("customer_id", 23), ("status", 25), ("amount", 1700), ("note", 25), ("payload", 3802),
        ("created_at", 1184), ("updated_at", 1184), ("flags", 16),
    ]

    package static let schema = TableSchema(
        oid: 1, name: TableName(schema: "public", name: "orders"),
        columns: types.map { column in
            Column(
                name: column.name, type: PostgresType(oid: column.oid, name: "", shape: .base),
                isIdentity: column.name == "id")
        }, replicaIdentity: .primaryKey)

    /// The values of a row, column by column.
    package static func values(_ id: Int, status: String? = nil) -> [[UInt8]] {
        let note = String(format: "note %032x customer asked for %032x", id &* 0x9E37_79B9, id &* 0x85EB_CA6B)
        return [
            key(id), bigEndian(Int32(id * 7919 % 200_000)),
            Array((status ?? ["new", "paid", "packed", "shipped", "done"][id % 5]).utf8),
            numeric(hundredths: id * 37 % 9_999_999), Array(note.utf8), payload(id),
            bigEndian(757_382_400_000_000 + Int64(id) * 13_000_000),
            bigEndian(770_428_800_000_000 + Int64(id) * 17_003_000), [id % 3 == 0 ? 1 : 0],
        ]
    }

    static func key(_ id: Int) -> [UInt8] { bigEndian(Int64(id)) }

    package static func row(_ id: Int) -> Row {
        let values = values(id)
        var fields: [Field] = []
        var offset = 0
        for value in values {
            fields.append(Field(kind: .binary, offset: UInt32(offset), count: UInt32(value.count)))
            offset += value.count
        }
        return Row(block: ByteBlock(copying: values.flatMap { $0 }), fields: fields)
    }

    static func bigEndian<Value: FixedWidthInteger>(_ value: Value) -> [UInt8] {
        withUnsafeBytes(of: value.bigEndian) { Array($0) }
    }

    /// `numeric_send`: the count of digits of base 10,000, the weight of the first, the sign, the scale, the digits.
    private static func numeric(hundredths: Int) -> [UInt8] {
        let (whole, part) = (hundredths / 100, hundredths % 100)
        let digits = [whole / 10_000, whole % 10_000, part * 100].map { Int16($0) }
        return [3, 1, 0, 2].flatMap { bigEndian(Int16($0)) } + digits.flatMap { bigEndian($0) }
    }

    private static func payload(_ id: Int) -> [UInt8] {
        let sums = String(format: "%032x", id &* 0x9E37_79B9)
        let (zip, tag) = (String(format: "%05d", id % 100_000), id % 50)
        let geo = "\(Double(id % 180) / 1.7), \(Double(id % 90) / 1.3)"
        // The order of jsonb: by the names' length first.
        let text = """
            {"qty": \(id % 7 + 1), "ref": "\(sums)", "sku": "SKU-\(id % 99_991)", "gift": \(id % 5 == 0), \
            "ship": {"geo": [\(geo)], "zip": "\(zip)", "city": "City\(id % 1000)"}, "tags": ["red", "fast", "t\(tag)"]}
            """
        return [1] + Array(text.utf8)
    }
}
