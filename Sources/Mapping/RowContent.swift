import BSON
import Model

extension TableSchema {
    /// The values of a row for people, by column, whatever can't be written of them: what makes no BSON as the server's
    /// text, or as its bytes where it is no text. Values that were not sent are left out.
    ///
    /// - Returns: `.tooLarge` when they are more than `DeadLetter.mostBytes`.
    package func content(of row: Row) -> DeadLetter.Content {
        let sent = row.fields.reduce(0) { $0 + Int($1.count) }
        guard sent <= DeadLetter.mostBytes else { return .tooLarge(sent) }
        var elements: [(String, BSONValue)] = []
        for (column, field) in zip(columns, row.fields) where field.kind != .unchanged {
            elements.append((column.name, value(of: field, in: row, column)))
        }
        return .row(BSONDocument(elements))
    }

    private func value(of field: Field, in row: Row, _ column: Column) -> BSONValue {
        guard field.kind != .null else { return .null }
        let bytes = row.bytes(field)
        var writer = BSONWriter(capacity: bytes.count + 64)
        let start = writer.beginDocument()
        writer.key(index: 0)
        do throws(ValueError) {
            try ValueCodec(column.type).encode(bytes, isBinary: field.kind == .binary, into: &writer)
        } catch {
            guard let text = String(validating: bytes, as: UTF8.self) else { return .binary(subtype: 0, Array(bytes)) }
            return .string(text)
        }
        writer.endDocument(start)
        let document = BSONDocument(unchecked: writer.bytes(in: start..<writer.count))
        return document["0"] ?? .null
    }
}
