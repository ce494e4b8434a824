import Foundation

/// What `sql/40_ddl_audit.sql` makes the source say of a change of its schema, as a logical message of the same
/// transaction. Never the statement, nor a value of it.
struct DDLMessage: Decodable {
    static let prefix = "wherry.ddl"

    /// `ALTER TABLE`
    let tag: String
    /// `public.people.city`
    let identity: String
    /// Of a table whose rows have been written anew for another type or default of a column.
    let rewritten: UInt32?

    /// nil when it is none: anybody may write messages.
    init?(_ content: [UInt8]) {
        guard let message = try? JSONDecoder().decode(DDLMessage.self, from: Data(content)) else { return nil }
        self = message
    }
}
