/// What becomes of a pipeline when the columns of one of its tables have changed (`schema_changes`).
package enum SchemaChangePolicy: String, CaseIterable, Sendable {
    /// Documents get the new form, those that are there by reading the table again. New tables join.
    case follow
    /// The stream holds until an operator accepts the change.
    case pause
    /// The run ends with 78.
    case fail
}
