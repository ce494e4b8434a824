/// Why one value could not become BSON. The plan makes a `Failure` of it that names table and column; no case carries a
/// value.
package enum ValueError: Error, Hashable {
    /// The bytes are not what the type's send or output function makes.
    case malformed(Malformation)
    /// The value is fine in PostgreSQL and can't be held by MongoDB.
    case refused(Refusal)
    /// The document grows beyond what MongoDB takes.
    case tooLarge
    /// A binary value of a type that has no binary codec here.
    case noBinaryCodec
    /// A composite value has other attributes than the type had when it was looked up.
    case typeChanged
    /// An unchanged TOAST value where a value is needed, and no old row has it.
    case notSent
    /// A key column is null.
    case nullKey
    /// An expression has no value for this row: the server would end a query with an error.
    case evaluation(Evaluation)

    package enum Malformation: String {
        case length = "a value of unexpected length"
        case digits = "a number that can't be read"
        case boolean = "a boolean that can't be read"
        case date = "a date or time that can't be read"
        case interval = "an interval that is not in ISO 8601 form"
        case bytes = "a byte string that can't be read"
        case uuid = "a UUID that can't be read"
        case network = "a network address that can't be read"
        case bits = "a bit string that can't be read"
        case array = "an array that can't be read"
        case composite = "a composite value that can't be read"
        case range = "a range that can't be read"
        case geometry = "a geometric value that can't be read"
        case textSearch = "a text search value that can't be read"
        case hstore = "an hstore that can't be read"
        case version = "a binary form of an unknown version"
        case json = "JSON that can't be read"
    }

    /// Behind "the expression"; the comments name the server's SQLSTATE.
    package enum Evaluation: String {
        /// 22012.
        case divisionByZero = "divides by zero"
        /// 22003.
        case outOfRange = "gives a number that its type can't hold"
        /// 22P02.
        case text = "casts a text that is no value of the type"
        /// 22008.
        case date = "gives a date or timestamp out of range"
        /// 22011.
        case length = "takes a substring of negative length"
        /// 22023.
        case position = "asks for field 0 of a split text"
        /// 22025.
        case pattern = "matches a LIKE pattern that ends in a backslash"
        /// 22P05, or 22P02 for half of a surrogate pair.
        case character = "looks into JSON with an escape that is no character"
        /// No error of the server.
        case size = "makes a text of more than 16 MiB"
    }

    package enum Refusal: String {
        case utf8 = "text that is not UTF-8"
        case digits = "a number of more than 34 digits, which 'numeric_overflow' doesn't take"
        case infinity = "an infinite date or timestamp, which 'out_of_range' doesn't take"
        case unknownType = "a value of a type that Wherry doesn't know, which 'unknown_type' doesn't take"
        case conversion = "a value that the type asked for can't hold"
        case surrogate = "JSON with half of a surrogate pair, which is not Unicode text"
        case nulInName = "a JSON key with a NUL character"
        case depth = "JSON nested more than 100 levels deep"
    }
}
