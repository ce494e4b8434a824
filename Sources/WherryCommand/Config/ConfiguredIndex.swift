/// One entry of `indexes` of a collection in `wherry.yaml`; the key it stands under is the index's name.
struct ConfiguredIndex: Decodable, Sendable, Equatable {
    /// Paths of fields in the index's order, with a minus in front for a descending one.
    var keys: [String]?
    /// No two documents have the same values. Default: false.
    var unique: Bool?
    /// Documents in which one of the fields is null or missing are not in it. Default: false.
    var sparse: Bool?
    /// Only documents with these values are in it, by path: text, whole numbers, true, false or null.
    var conditions: [String: ConfiguredConstant?]?
    /// What texts are equal. Default: those of the same bytes.
    var collation: Collation?

    struct Collation: Decodable, Sendable, Equatable {
        /// A language, as `en`.
        var locale: String?
        /// 1 ignores accents and case, 2 case, 3 nothing; to 5. Default: 3.
        var strength: Int?

        enum CodingKeys: String, CodingKey, CaseIterable {
            case locale, strength
        }
    }

    enum CodingKeys: String, CodingKey, CaseIterable {
        case keys, unique, sparse
        case conditions = "where"
        case collation
    }
}

/// A text, a whole number, or true or false.
enum ConfiguredConstant: Decodable, Sendable, Equatable {
    case bool(Bool)
    case integer(Int64)
    case text(String)

    init(from decoder: any Decoder) throws {
        let container = try decoder.singleValueContainer()
        if let bool = try? container.decode(Bool.self) {
            self = .bool(bool)
        } else if let number = try? container.decode(Int64.self) {
            self = .integer(number)
        } else if (try? container.decode(Double.self)) != nil {
            // As text it would be equal to no value of a document.
            throw DecodingError.typeMismatch(
                ConfiguredConstant.self, .init(codingPath: decoder.codingPath, debugDescription: "a fraction"))
        } else {
            self = .text(try container.decode(String.self))
        }
    }
}
