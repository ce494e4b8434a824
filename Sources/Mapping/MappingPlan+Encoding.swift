import BSON
import Model

/// Rows to documents. Every function appends one document to the writer and returns where it lies; when it throws, the
/// writer is as it was. The failures name table and column, never a value: `.dataRefused` for what MongoDB can't hold,
/// `.configuration` for a binary value without a codec, `.unexpected` for bytes that make no sense.
extension MappingPlan {
    /// The whole document. Unchanged TOAST values are taken from `old`, which must be a full old row then
    /// (`OldRow.full`); nulls are written as null.
    package func encodeDocument(
        _ row: Row, old: Row? = nil, into writer: inout BSONWriter
    ) throws(Failure) -> Range<Int> {
        try encoded(into: &writer) { writer throws(ColumnError) in
            try check(row, old)
            if !keyRefusals.isEmpty { try checkKey(row, old, &writer) }
            try appendKey(row, old, to: &writer)
            try appendBody(row, old, to: &writer)
        }
    }

    /// `{_id: …}`: the filter of an update or a delete, and what tells rows of one batch apart: two keys are the same
    /// exactly when these bytes are. A key column that arrives as unchanged TOAST is taken from `fallback`.
    package func encodeKey(
        _ row: Row, fallback: Row? = nil, into writer: inout BSONWriter
    ) throws(Failure) -> Range<Int> {
        try encoded(into: &writer) { writer throws(ColumnError) in
            try check(row, fallback)
            try appendKey(row, fallback, to: &writer)
        }
    }

    /// `{_id: …}` of a row; nil where it makes none.
    package func key(of row: Row, fallback: Row? = nil) -> BSONDocument? {
        var writer = BSONWriter(capacity: 256)
        let range = try? encodeKey(row, fallback: fallback, into: &writer)
        return range.map { BSONDocument(unchecked: writer.bytes(in: $0)) }
    }

    /// The fields that were sent, without `_id`: what an update with unchanged TOAST values sets. May be empty. Of a
    /// mapping with documents inside, or without nulls, a `PartialDocument`.
    package func encodeSentFields(_ row: Row, into writer: inout BSONWriter) throws(Failure) -> Range<Int> {
        try encoded(into: &writer) { writer throws(ColumnError) in
            try check(row, nil)
            if !keyRefusals.isEmpty { try checkKey(row, nil, &writer) }
            if isStructured { return try appendPartialBody(row, to: &writer) }
            for field in body where isSent(field, in: row) {
                switch field.kind {
                case .computed: try appendComputed(field, row, nil, to: &writer)
                case .column:
                    begin(field, in: &writer)
                    try appendValue(field, row, nil, to: &writer)
                // What is there has it. (The others are in structured mappings alone.)
                case .constant, .open, .close: continue
                }
            }
        }
    }

    /// The field of the guard alone, as the row has it; none where that can't be written.
    package func encodeGuard(_ row: Row, into writer: inout BSONWriter) throws(Failure) -> Range<Int> {
        try encoded(into: &writer) { writer throws(ColumnError) in
            try check(row, nil)
            guard
                let field = body.first(where: {
                    $0.kind == .column && schema.columns[$0.index].name == lastModified?.column
                })
            else { return }
            let start = writer.count
            do throws(ColumnError) {
                begin(field, in: &writer)
                try appendValue(field, row, nil, to: &writer)
            } catch {
                writer.truncate(to: start)
            }
        }
    }

    @inline(__always)
    private func encoded(
        into writer: inout BSONWriter, _ body: (inout BSONWriter) throws(ColumnError) -> Void
    ) throws(Failure) -> Range<Int> {
        let start = writer.beginDocument()
        do throws(ColumnError) {
            try body(&writer)
            writer.endDocument(start)
            if writer.count - start > MappingPlan.maximumDocumentSize { throw ColumnError(.tooLarge) }
        } catch {
            writer.truncate(to: start)
            throw failure(for: error)
        }
        return start..<writer.count
    }

    private func check(_ row: Row, _ old: Row?) throws(ColumnError) {
        guard row.fields.count == schema.columns.count, old.map({ $0.fields.count == row.fields.count }) ?? true else {
            throw ColumnError(.malformed(.length))
        }
    }

    /// Few tables have one to refuse: kept out of the way of all others.
    ///
    /// - Parameter writer: where the values are tried; nothing of them stays.
    @inline(never)
    private func checkKey(_ row: Row, _ old: Row?, _ writer: inout BSONWriter) throws(ColumnError) {
        for (index, codec) in keyRefusals {
            guard let row = row.fields[index].kind == .unchanged ? old : row else { continue }
            let field = row.fields[index]
            guard field.kind == .text || field.kind == .binary else { continue }
            let start = writer.count
            writer.key(index: 0)
            do throws(ValueError) {
                try codec.encode(row.bytes(field), isBinary: field.kind == .binary, into: &writer)
            } catch {
                throw ColumnError(error, index)
            }
            writer.truncate(to: start)
        }
    }

    @inline(__always)
    func begin(_ field: PlannedField, in writer: inout BSONWriter) {
        writer.key(head: UnsafeRawBufferPointer(start: heads.base + field.headOffset, count: field.headCount))
    }

    @inline(__always)
    private func appendBody(_ row: Row, _ old: Row?, to writer: inout BSONWriter) throws(ColumnError) {
        var branch = 0
        for field in body {
            switch field.kind {
            case .column:
                if omitsNulls, isNull(field, row, old) { continue }
                begin(field, in: &writer)
                try appendValue(field, row, old, to: &writer)
            case .open:
                begin(field, in: &writer)
                branch = writer.beginBranch(in: branch)
            case .close:
                branch = writer.endBranch(branch, headCount: field.headCount)
            case .computed: try appendComputed(field, row, old, to: &writer)
            case .constant: appendConstant(field, to: &writer)
            }
        }
    }

    func appendConstant(_ field: PlannedField, to writer: inout BSONWriter) {
        begin(field, in: &writer)
        writer.put(string: part.discriminator?.value ?? "")
    }

    func appendComputed(
        _ field: PlannedField, _ row: Row, _ old: Row?, to writer: inout BSONWriter
    ) throws(ColumnError) {
        let start = writer.count
        begin(field, in: &writer)
        let mark = writer.mark
        do throws(ValueError) {
            try computed[field.index].expression.append(row, old: old, to: &writer)
        } catch {
            throw ColumnError(error, expression: field.index)
        }
        if omitsNulls, writer.isValue(at: mark, .null) { writer.truncate(to: start) }
    }

    func isNull(_ field: PlannedField, _ row: Row, _ old: Row?) -> Bool {
        switch row.fields[field.index].kind {
        case .null: true
        case .text, .binary: false
        case .unchanged: old?.fields[field.index].kind == .null
        }
    }

    private func appendKey(_ row: Row, _ old: Row?, to writer: inout BSONWriter) throws(ColumnError) {
        writer.key(head: UnsafeRawBufferPointer(start: heads.base, count: BSONName.id.bytes.count + 1))
        if let template { return try appendKeyText(template, row, old, to: &writer) }
        guard isWrapped else { return try appendKeyValue(key[0], row, old, to: &writer) }
        let start = writer.putDocument()
        if let keyConstant { appendConstant(keyConstant, to: &writer) }
        for field in key {
            begin(field, in: &writer)
            try appendKeyValue(field, row, old, to: &writer)
        }
        writer.endDocument(start)
    }

    private func appendKeyText(
        _ template: KeyTemplate, _ row: Row, _ old: Row?, to writer: inout BSONWriter
    ) throws(ColumnError) {
        var texts: [String] = []
        let mark = writer.mark
        for field in key {
            try appendKeyValue(field, row, old, to: &writer)
            guard let value = try? writer.takeValue(mark), let text = codec(of: field).plainText(of: value) else {
                throw ColumnError(.refused(.conversion), field.index)
            }
            texts.append(text)
        }
        writer.put(string: template.id(texts))
    }

    private func appendKeyValue(
        _ column: PlannedField, _ row: Row, _ old: Row?, to writer: inout BSONWriter
    ) throws(ColumnError) {
        switch row.fields[column.index].kind {
        case .null: throw ColumnError(.nullKey, column.index)
        case .unchanged: if case .null = old?.fields[column.index].kind { throw ColumnError(.nullKey, column.index) }
        case .text, .binary: break
        }
        try appendValue(column, row, old, to: &writer)
    }

    func appendValue(
        _ column: PlannedField, _ row: Row, _ old: Row?, to writer: inout BSONWriter
    ) throws(ColumnError) {
        let field = row.fields[column.index]
        switch field.kind {
        case .null: writer.putNull()
        case .text: try append(row.bytes(field), isBinary: false, column, to: &writer)
        case .binary: try append(row.bytes(field), isBinary: true, column, to: &writer)
        case .unchanged:
            guard let old else { throw ColumnError(.notSent, column.index) }
            try appendValue(column, old, nil, to: &writer)
        }
    }

    @inline(__always)
    private func append(
        _ bytes: UnsafeRawBufferPointer, isBinary: Bool, _ column: PlannedField, to writer: inout BSONWriter
    ) throws(ColumnError) {
        do throws(ValueError) {
            if let scalar = column.scalar {
                try scalar.encode(bytes, isBinary: isBinary, into: &writer)
            } else {
                try structures[column.structure].encode(bytes, isBinary: isBinary, into: &writer)
            }
        } catch {
            throw ColumnError(error, column.index)
        }
    }
}
