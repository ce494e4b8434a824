/// One entry of `collections` in `wherry.yaml`: what becomes of one table. The key it stands under is the collection,
/// unless `into` names another.
struct ConfiguredCollection: Decodable, Sendable, Equatable {
    /// The table, as `schema.table`.
    var from: String?
    /// The collection. Default: the key the entry stands under.
    var into: String?
    /// One constant field, where several tables go into the collection: `{ kind: customer }`.
    var discriminator: [String: String]?
    /// What `_id` is: `single`, `wrapped`, a list of the key's columns, or a text like `${tenant_id}:${order_no}`.
    /// Default: `single`.
    var id: WordOrList?
    /// A condition of the row's columns: rows that don't fulfil it are no documents.
    var filter: String?
    /// The columns to take, besides those of the key. Default: all.
    var keep: [String]?
    /// The columns to leave out.
    var drop: [String]?
    /// Fields by column; a dot makes a document inside: `shipping.city`.
    var rename: [String: String]?
    /// As in `defaults`.
    var fieldCase: String?
    /// As in `defaults`.
    var nulls: String?
    /// As in `defaults`, or by column.
    var numericOverflow: WordOrWords?
    /// As in `defaults`, or by column.
    var timestamp: WordOrWords?
    /// As in `defaults`, or by column.
    var outOfRange: WordOrWords?
    /// A value of a type that Wherry doesn't know; or by column.
    var unknownType: WordOrWords?
    /// Another type by column: `string`, `int32`, `int64`, `double`, `decimal128`, `bool`, `date`, `iso`,
    /// `int64_micros`.
    var type: [String: String]?
    /// Fields made of several columns: expressions by path.
    var compute: [String: String]?
    /// `sha256`, `last4`, `redact` or `null` by column.
    var mask: [String: String?]?
    /// The column that says when a row was last written: documents that are newer are kept.
    var lastModified: String?
    /// Whether an application writes into the collection itself. Default: false.
    var dualWrite: Bool?
    /// Indexes by name, made once the rows are there. None is ever removed.
    var indexes: [String: ConfiguredIndex]?

    enum CodingKeys: String, CodingKey, CaseIterable {
        case from, into, discriminator, id
        case filter = "where"
        case keep, drop, rename
        case fieldCase = "case"
        case nulls
        case numericOverflow = "numeric_overflow"
        case timestamp
        case outOfRange = "out_of_range"
        case unknownType = "unknown_type"
        case type, compute, mask
        case lastModified = "last_modified"
        case dualWrite = "dual_write"
        case indexes
    }

    /// Keys whose texts may hold a `$` of their own: there are no variables of the environment in them.
    static let keysOfTexts = Set([CodingKeys.id, .filter, .compute].map(\.stringValue))
}

/// One word, or a list of them.
enum WordOrList: Decodable, Sendable, Equatable {
    case word(String)
    case list([String])

    init(from decoder: any Decoder) throws {
        let container = try decoder.singleValueContainer()
        if let list = try? container.decode([String].self) {
            self = .list(list)
        } else {
            self = .word(try container.decode(String.self))
        }
    }
}

/// One word for all columns, or one each for some.
enum WordOrWords: Decodable, Sendable, Equatable {
    case word(String)
    case byColumn([String: String])

    init(from decoder: any Decoder) throws {
        let container = try decoder.singleValueContainer()
        if let words = try? container.decode([String: String].self) {
            self = .byColumn(words)
        } else {
            self = .word(try container.decode(String.self))
        }
    }

    var word: String? { if case .word(let word) = self { word } else { nil } }

    var byColumn: [String: String]? { if case .byColumn(let words) = self { words } else { nil } }
}
