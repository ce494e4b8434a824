import BSON
import Model

extension MappingPlan {
    /// The values of a row for people, by column, whatever can't be written of them: what makes no BSON as the server's
    /// text, or as its bytes where it is no text. What the mapping leaves out is left out here, what it masks is masked,
    /// and values that were not sent are no part of it.
    ///
    /// - Returns: `.tooLarge` when they are more than `DeadLetter.mostBytes`.
    package func content(of row: Row) -> DeadLetter.Content {
        let shown = zip(schema.columns, row.fields).enumerated().filter { index, value in
            value.1.kind != .unchanged
                && (!mapping.leavesOut(value.0.name) || key.contains { $0.index == index })
        }
        let sent = shown.reduce(0) { $0 + Int($1.element.1.count) }
        guard sent <= DeadLetter.mostBytes else { return .tooLarge(sent) }
        return .row(
            BSONDocument(shown.map { ($1.0.name, value(of: $1.1, in: row, $1.0)) }))
    }

    private func value(of field: Field, in row: Row, _ column: Column) -> BSONValue {
        guard field.kind != .null else { return .null }
        let bytes = row.bytes(field)
        let mask = mapping.masks[column.name]
        var writer = BSONWriter(capacity: bytes.count + 64)
        let start = writer.beginDocument()
        writer.key(index: 0)
        do throws(ValueError) {
            try codec(of: column, mask).encode(bytes, isBinary: field.kind == .binary, into: &writer)
        } catch {
            if mask != nil { return .string("masked") }
            guard let text = String(validating: bytes, as: UTF8.self) else { return .binary(subtype: 0, Array(bytes)) }
            return .string(text)
        }
        writer.endDocument(start)
        let document = BSONDocument(unchecked: writer.bytes(in: start..<writer.count))
        return document["0"] ?? .null
    }

    /// That of the body where it masks; else one that refuses as little as possible.
    private func codec(of column: Column, _ mask: Mask?) -> ValueCodec {
        let masking = mask.flatMap { _ in
            body.first { $0.kind == .column && schema.columns[$0.index].name == column.name }
        }
        return masking.map { codec(of: $0) } ?? ValueCodec(column.type)
    }
}
