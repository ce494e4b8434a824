import Model

/// Rows that the stream sends and that make no document as they were sent.
extension MappingPlan {
    /// Whether there can be such rows.
    package var mayReadAgain: Bool { !rereadColumns.isEmpty }

    /// Whether the row has to be read again from the source instead of being written: a value is missing (unchanged
    /// TOAST) that more than the column's own field is made of.
    ///
    /// - Parameter old: what was sent of the row before the change; a whole one has the value.
    package func needsReread(_ new: Row, old: OldRow?) -> Bool {
        if case .full = old { return false }
        return rereadColumns.contains { new.fields[$0].kind == .unchanged }
    }
}
