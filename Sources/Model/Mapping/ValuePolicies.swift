/// What becomes of values that BSON can't hold in the type that is theirs. The defaults lose nothing and stop nothing.
package struct ValuePolicies: Hashable, Sendable {
    /// A numeric of more than 34 digits.
    package var numericOverflow = Overflow.string
    package var timestamp = TimestampForm.date
    /// ±infinity as a date or timestamp.
    package var outOfRange = Overflow.string
    /// A value of a type that no codec is for.
    package var unknownType = Overflow.string

    package init() {}

    package enum Overflow: String, CaseIterable, Sendable {
        /// The server's text.
        case string
        /// The pipeline stops.
        case fail
        /// The row is held back.
        case deadLetter = "dead_letter"

        /// What becomes of the row; nil where it is written.
        package var refusal: RefusalPolicy? {
            switch self {
            case .string: nil
            case .fail: .fail
            case .deadLetter: .deadLetter
            }
        }
    }

    package enum TimestampForm: String, CaseIterable, Sendable {
        /// Milliseconds, cut towards the past.
        case date
        case int64Micros = "int64_micros"
        case iso
    }

    /// The policies of a column for which some are given apart.
    func overridden(by column: ColumnPolicies) -> ValuePolicies {
        var policies = self
        if let numericOverflow = column.numericOverflow { policies.numericOverflow = numericOverflow }
        if let timestamp = column.timestamp { policies.timestamp = timestamp }
        if let outOfRange = column.outOfRange { policies.outOfRange = outOfRange }
        if let unknownType = column.unknownType { policies.unknownType = unknownType }
        return policies
    }
}

/// What is said of one column; nil where it goes by its collection.
package struct ColumnPolicies: Hashable, Sendable {
    package var numericOverflow: ValuePolicies.Overflow?
    package var timestamp: ValuePolicies.TimestampForm?
    package var outOfRange: ValuePolicies.Overflow?
    package var unknownType: ValuePolicies.Overflow?

    package init() {}
}
