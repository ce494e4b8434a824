/// The value of a field that is made of several columns.
struct ComputedValue: Sendable {
    let expression: BoundExpression
    /// The columns it is made of besides those of the key, as indices into the table's columns.
    let columns: [Int]
    /// The field, for messages.
    let path: String
}
