extension String {
    /// A condition that every row fulfils, for a mapping's `filter`: a row that comes without the column's value has to be
    /// read again.
    package static func everyRow(needing column: String) -> String {
        let quoted = "\"\(column)\""
        return "\(quoted) IS NULL OR \(quoted) IS NOT NULL"
    }
}
