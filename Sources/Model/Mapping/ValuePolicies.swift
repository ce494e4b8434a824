/// What becomes of values that BSON can't hold in the type that is theirs. The defaults lose nothing and stop nothing.
package struct ValuePolicies: Hashable, Sendable {
    /// A numeric of more than 34 digits.
    package var numericOverflow = Overflow.string
    package var timestamp = TimestampForm.date
    /// ±infinity as a date or timestamp.
    package var outOfRange = Overflow.string

    package init() {}

    package enum Overflow: String, CaseIterable, Sendable {
        /// The server's text.
        case string
        /// The pipeline stops.
        case fail
        /// The row is held back.
        case deadLetter = "dead_letter"
    }

    package enum TimestampForm: String, CaseIterable, Sendable {
        /// Milliseconds, cut towards the past.
        case date
        case int64Micros = "int64_micros"
        case iso
    }
}
