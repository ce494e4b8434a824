import Model
import TestSupport

/// A type, a column of it, and what the server says of its values.
enum TypeColumn {
    case plain(OracleFamily)
    case json(OracleJSON)

    /// Each has its own types in a schema of its own.
    static let all: [TypeColumn] =
        OracleFamily.all.filter { !$0.isKey }.enumerated().map { .plain($1.within("plain_\($0)")) }
        + OracleJSON.all.enumerated().map { .json($1.within("json_\($0)")) }

    var made: (type: String, setUp: [String], edges: [String], random: String) {
        switch self {
        case .plain(let family): (family.sqlType, family.setUp, family.edges, family.random)
        case .json(let family): (family.sqlType, family.setUp, family.edges, family.random)
        }
    }

    /// Arrays of arrays are arrays of more dimensions.
    var hasArrays: Bool {
        switch self {
        case .plain(let family): !isArray(family.type)
        case .json(let family): !isArray(family.type)
        }
    }

    private func isArray(_ type: PostgresType) -> Bool {
        switch type.shape {
        case .array: true
        case .domain(let base): isArray(base)
        default: false
        }
    }

    /// The built-in range of the type.
    var range: String? {
        switch made.type {
        case "int4": "int4range"
        case "int8": "int8range"
        case "numeric": "numrange"
        case "date": "daterange"
        case "timestamp": "tsrange"
        case "timestamptz": "tstzrange"
        default: nil
        }
    }

    /// `pg_type.oid` of it (PostgreSQL source, pg_type.dat).
    var rangeOID: UInt32? {
        let oids: [String: UInt32] = [
            "int4range": 3904, "numrange": 3906, "tsrange": 3908, "tstzrange": 3910, "daterange": 3912,
            "int8range": 3926,
        ]
        return range.flatMap { oids[$0] }
    }

    var description: String {
        switch self {
        case .plain(let family): family.name
        case .json(let family): family.name
        }
    }
}
