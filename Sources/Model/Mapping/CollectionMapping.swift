/// What becomes of one table's rows, as the configuration says it: which columns, in which fields, in which form. Names
/// are those of the catalogue; whether the table has them is checked when the plan is made.
///
/// Deterministic, so that a row becomes the same document whenever and by whomever it is mapped.
package struct CollectionMapping: Hashable, Sendable {
    package var id = DocumentID.key
    package var columns = ColumnChoice.all
    /// By column: the path of the field, its parts separated by dots.
    package var rename: [String: String] = [:]
    /// Of fields that are not renamed.
    package var fieldCase = FieldCase.keep
    package var nulls = NullFields.null
    /// By column: another BSON type than that of its own.
    package var types: [String: FieldType] = [:]
    /// By column.
    package var masks: [String: Mask] = [:]
    /// Fields made of several columns, sorted by path.
    package var computed: [ComputedField] = []
    /// An expression that is true of the rows that become documents; nil for all.
    package var filter: String?
    /// Whether expressions are left out for columns that this version of the table lacks, as a stream shows it that is
    /// older than the file: then every row is read again instead of being written.
    package var lacksColumns = false
    package var policies = ValuePolicies()
    /// By column.
    package var columnPolicies: [String: ColumnPolicies] = [:]
    /// Where the collection has documents of other tables too.
    package var discriminator: Discriminator?

    package init() {}

    package func policies(of column: String) -> ValuePolicies {
        columnPolicies[column].map { policies.overridden(by: $0) } ?? policies
    }

    package enum ColumnChoice: Hashable, Sendable {
        case all
        /// These, and those of the key.
        case keep(Set<String>)
        case drop(Set<String>)
    }

    package enum FieldCase: String, CaseIterable, Sendable {
        case keep, camel, snake
    }

    /// What a column that is NULL becomes.
    package enum NullFields: String, CaseIterable, Sendable {
        case null
        /// No field.
        case omit
    }

    package struct ComputedField: Hashable, Sendable {
        package let path: String
        package let expression: String

        package init(path: String, expression: String) {
            self.path = path
            self.expression = expression
        }
    }
}

/// What `_id` is made of.
package enum DocumentID: Hashable, Sendable {
    /// The value of a key of one column; a document of the values in key order of one of several.
    case key
    /// A document, also of a single column.
    case wrapped
    /// The key's columns in this order.
    case columns([String])
    /// Text with the values of the key's columns in it: `${tenant_id}:${order_no}`.
    case template(String)
}

/// The BSON type of a field, where it is not the one of its column's type.
package enum FieldType: String, CaseIterable, Sendable {
    case string, int32, int64, double, decimal128, bool
    /// A timestamp as a date, whatever `timestamp` says.
    case date
    /// A timestamp as ISO 8601 text with six decimals.
    case iso
    /// A timestamp as microseconds since 1970-01-01 UTC.
    case int64Micros = "int64_micros"
}

/// How a value is made unrecognizable: the same value always in the same way.
package enum Mask: Hashable, Sendable {
    /// 64 hexadecimal digits: SHA-256 of the salt and the value's text.
    case sha256(Salt)
    /// Asterisks, and the last four characters.
    case last4
    /// The word `redacted`.
    case redact
    /// null.
    case null

    /// A secret: every way of printing it gives `***`.
    package struct Salt: Hashable, Sendable, CustomStringConvertible, CustomReflectable {
        package let bytes: [UInt8]

        package init(_ text: String) { bytes = Array(text.utf8) }

        package var description: String { "***" }
        package var customMirror: Mirror { Mirror(self, children: []) }
    }
}
