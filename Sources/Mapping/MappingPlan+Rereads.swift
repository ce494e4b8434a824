import Model

/// Rows that the stream sends and that make no document as they were sent.
extension MappingPlan {
    /// Whether the row has to be read again from the source instead of being written: a value is missing (unchanged
    /// TOAST) that more than its own field is made of, together with one that was sent; or the row is only sent in part,
    /// and its document may not be there, because the row before was not among those that become documents.
    ///
    /// - Parameter old: what was sent of the row before the change; a whole one has the values.
    package func needsReread(_ new: Row, old: OldRow?) -> Bool {
        if mapping.lacksColumns { return true }
        if case .full = old { return false }
        if new.isWhole { return false }
        if let filter, filter.columns.contains(where: { isUnsent($0, of: new) }) || !isWhole(new, with: old) {
            return true
        }
        return computed.contains { value in
            // A large key that is unchanged is sent apart.
            if value.expression.columns.contains(where: { isUnsent($0, of: new) && !value.columns.contains($0) }) {
                return true
            }
            // A key that changes may be a part of it.
            let unsent = value.columns.count { isUnsent($0, of: new) }
            return unsent > 0 && (unsent < value.columns.count || old != nil)
        }
    }

    /// Whether a value may be a large one, which the stream leaves out while it is unchanged.
    static func mayBeUnsent(_ type: PostgresType) -> Bool {
        guard case .scalar(let scalar) = ValueCodec(type) else { return true }
        return !scalar.hasFixedLength
    }

    private func isUnsent(_ column: Int, of row: Row) -> Bool { row.fields[column].kind == .unchanged }

    /// Whether the row is one of those that become documents.
    ///
    /// - Parameter old: a whole old row, for values that were not sent.
    /// - Throws: `Failure(.dataRefused)` where the condition has no value: it divides by zero, say.
    package func takes(_ row: Row, old: Row? = nil) throws(Failure) -> Bool {
        guard let filter else { return true }
        do throws(ValueError) {
            return try filter.holds(row, old: old)
        } catch {
            throw failure(for: error, in: "'where'")
        }
    }
}
