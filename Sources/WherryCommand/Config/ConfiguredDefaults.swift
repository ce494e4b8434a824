/// `defaults` in `wherry.yaml`: what holds for every collection that doesn't say otherwise, also without a section
/// `collections`.
struct ConfiguredDefaults: Decodable, Sendable, Equatable {
    /// `keep`: fields are named as their columns. `camel`, `snake`. Default: `keep`.
    var fieldCase: String?
    /// `null`: a column that is NULL is a null. `omit`: it is no field. Default: `null`.
    var nulls: String?
    /// A numeric of more than 34 digits: `string`, `fail`, `dead_letter`. Default: `string`.
    var numericOverflow: String?
    /// Timestamps as `date` (milliseconds), `int64_micros` or `iso`. Default: `date`.
    var timestamp: String?
    /// Infinity as a date or timestamp: `string`, `fail`, `dead_letter`. Default: `string`.
    var outOfRange: String?
    /// A value of a type that Wherry doesn't know: `string`, `fail`, `dead_letter`. Default: `string`.
    var unknownType: String?

    enum CodingKeys: String, CodingKey, CaseIterable {
        case fieldCase = "case"
        case nulls
        case numericOverflow = "numeric_overflow"
        case timestamp
        case outOfRange = "out_of_range"
        case unknownType = "unknown_type"
    }
}
