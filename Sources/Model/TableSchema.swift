/// What a table looked like at one moment: from the catalogue for a copy, from a RELATION message for the stream.
package struct TableSchema: Hashable, Sendable {
    /// `pg_class.oid`. It survives renames.
    package let oid: UInt32
    package let name: TableName
    /// In the order of the table; dropped and generated columns are not among them.
    package let columns: [Column]
    package let replicaIdentity: ReplicaIdentity

    package init(oid: UInt32, name: TableName, columns: [Column], replicaIdentity: ReplicaIdentity) {
        self.oid = oid
        self.name = name
        self.columns = columns
        self.replicaIdentity = replicaIdentity
    }
}

/// `pg_class.relreplident`: which old values an UPDATE or DELETE carries.
package enum ReplicaIdentity: Character, Hashable, Sendable {
    /// The primary key's columns.
    case primaryKey = "d"
    /// Nothing: updates and deletes can't be replicated.
    case nothing = "n"
    /// The whole old row.
    case full = "f"
    /// The columns of a chosen unique index.
    case index = "i"
}

package struct Column: Hashable, Sendable {
    package let name: String
    package let type: PostgresType
    /// Whether the column belongs to the replica identity (all of them under FULL).
    package let isIdentity: Bool

    package init(name: String, type: PostgresType, isIdentity: Bool) {
        self.name = name
        self.type = type
        self.isIdentity = isIdentity
    }
}

/// A type of the source, resolved as far as a codec needs it.
///
/// Built-in types are told by `oid` (fixed numbers, PostgreSQL's `pg_type.dat`); everything else by `shape`.
package struct PostgresType: Hashable, Sendable {
    package let oid: UInt32
    /// `format_type` without modifier, for messages: `numeric`, `public.mood`.
    package let name: String
    package let shape: Shape

    package init(oid: UInt32, name: String, shape: Shape) {
        self.oid = oid
        self.name = name
        self.shape = shape
    }

    /// Whether every server has it: later ones have larger numbers (PostgreSQL source, transam.h, FirstNormalObjectId).
    package var isBuiltIn: Bool { oid < 16_384 }

    package indirect enum Shape: Hashable, Sendable {
        /// A base type: the codec is chosen by the oid, and is the server's text form where there is none.
        case base
        /// Sent as its label, in text and in binary.
        case `enum`
        /// Sent exactly like its base type, which is never a domain itself here.
        case domain(base: PostgresType)
        /// A true array (`pg_type.typsubscript = array_subscript_handler`), of the element type and its delimiter.
        case array(element: PostgresType, delimiter: UInt8)
        /// A row type: its attributes in order, without dropped ones.
        case composite([Attribute])
        /// A range, of the type of its bounds.
        case range(of: PostgresType)
        /// A multirange, of the type of its ranges' bounds.
        case multirange(of: PostgresType)
        /// A base type that an extension brings.
        case extended(ExtensionType)
        /// A type the catalogue doesn't know, or can't say more of.
        case other
    }

    package struct Attribute: Hashable, Sendable {
        package let name: String
        package let type: PostgresType

        package init(name: String, type: PostgresType) {
            self.name = name
            self.type = type
        }
    }
}

/// Types of extensions that have a codec of their own, by their names in `pg_type`.
package enum ExtensionType: String, CaseIterable, Hashable, Sendable {
    case citext, hstore, ltree, lquery, ltxtquery, vector, geometry, geography

    /// The extension that makes the type (`pg_extension.extname`).
    package var provider: String {
        switch self {
        case .citext: "citext"
        case .hstore: "hstore"
        case .ltree, .lquery, .ltxtquery: "ltree"
        case .vector: "vector"
        case .geometry, .geography: "postgis"
        }
    }
}
