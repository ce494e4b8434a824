import BSON
import Model

/// A part of a row, in the shape of the whole (`PartialDocument`).
extension MappingPlan {
    func appendPartialBody(_ row: Row, to writer: inout BSONWriter) throws(ColumnError) {
        PartialDocument.begin(in: &writer)
        var branch = 0
        for (position, field) in body.enumerated() {
            switch field.kind {
            // Without a name: it stands for columns of a table that is gone, and keeps the row from being whole.
            case .column where field.headCount == 2: continue
            case .column:
                if omitsNulls, isNull(field, row, nil) { continue }
                begin(field, in: &writer)
                if isSent(field, in: row) {
                    try appendValue(field, row, nil, to: &writer)
                } else {
                    writer.putUndefined()
                }
            case .open:
                begin(field, in: &writer)
                branch = writer.beginBranch(in: branch)
                if lacksValues(row, position..<field.index) { PartialDocument.begin(in: &writer) }
            case .close:
                branch = writer.endBranch(branch, headCount: field.headCount)
            case .computed where isSent(field, in: row): try appendComputed(field, row, nil, to: &writer)
            case .computed:
                begin(field, in: &writer)
                writer.putUndefined()
            case .constant: appendConstant(field, to: &writer)
            }
        }
    }

    /// Whether every value that the document needs is known: sent, or in the old row. (An old key holds the key's
    /// columns only.)
    package func isWhole(_ row: Row, with old: OldRow?) -> Bool {
        if case .full = old { return true }
        return row.isWhole || !lacksValues(row, body.indices)
    }

    private func lacksValues(_ row: Row, _ fields: Range<Int>) -> Bool {
        body[fields].contains { !isSent($0, in: row) }
    }

    /// Whether the value of a step is known from what was sent. (Of a computed one either all of its columns were, or
    /// none: `needsReread`.)
    func isSent(_ field: PlannedField, in row: Row) -> Bool {
        switch field.kind {
        case .column: row.fields[field.index].kind != .unchanged
        case .computed: computed[field.index].columns.allSatisfy { row.fields[$0].kind != .unchanged }
        case .constant, .open, .close: true
        }
    }
}
