import Model

/// The type of a part of an expression.
enum ExpressionType: Hashable, Sendable {
    case bool
    case int2, int4, int8
    case numeric
    case float4, float8
    /// `text` and `varchar`.
    case text
    case date
    case timestamp
    case timestamptz
    case uuid
    case json, jsonb
    /// A label of an enum.
    case label(PostgresType)
    /// `char(n)`: shorter values are padded, which functions and comparisons treat in ways of their own.
    case padded
    case array(PostgresType)
    /// A text in quotes, or NULL, whose type its surroundings decide.
    case unknown
    /// Only NULL or not can be told.
    case opaque(PostgresType)
    /// A row type, of which IS NULL asks about each field.
    case composite(PostgresType)

    init(_ type: PostgresType) {
        switch type.shape {
        case .domain(let base): self.init(base)
        case .enum: self = .label(type)
        case .array: self = .array(type)
        case .composite: self = .composite(type)
        case .base: self = ExpressionType.builtIn[type.oid] ?? .opaque(type)
        case .extended, .range, .multirange, .other: self = .opaque(type)
        }
    }

    /// By the fixed oids (PostgreSQL source, `pg_type.dat`).
    private static let builtIn: [UInt32: ExpressionType] = [
        16: .bool, 20: .int8, 21: .int2, 23: .int4, 25: .text, 114: .json, 700: .float4, 701: .float8, 1042: .padded,
        1043: .text, 1082: .date, 1114: .timestamp, 1184: .timestamptz, 1700: .numeric, 2950: .uuid, 3802: .jsonb,
    ]

    private static let names: [String: ExpressionType] = [
        "smallint": .int2, "int2": .int2, "integer": .int4, "int": .int4, "int4": .int4, "bigint": .int8, "int8": .int8,
        "numeric": .numeric, "decimal": .numeric, "float8": .float8, "double precision": .float8, "text": .text,
        "boolean": .bool, "bool": .bool, "date": .date, "timestamp": .timestamp, "timestamptz": .timestamptz,
        "uuid": .uuid,
    ]

    /// A type that can be cast to, by one of its names in SQL.
    init?(sqlName: String) {
        guard let type = ExpressionType.names[sqlName] else { return nil }
        self = type
    }

    static let sqlNames = [
        "smallint", "integer", "bigint", "numeric", "double precision", "text", "boolean", "date", "timestamp",
        "timestamptz", "uuid",
    ]

    /// For messages.
    var name: String {
        switch self {
        case .label(let type), .array(let type), .opaque(let type), .composite(let type): type.name
        case .padded: "character(n)"
        case .unknown: "a text without a type"
        default: postgresType?.name ?? "\(self)"
        }
    }

    /// The type as the source knows it, which decides what becomes of a value; nil where no expression can give one.
    var postgresType: PostgresType? {
        let (oid, name): (UInt32, String)
        switch self {
        case .bool: (oid, name) = (16, "boolean")
        case .int2: (oid, name) = (21, "smallint")
        case .int4: (oid, name) = (23, "integer")
        case .int8: (oid, name) = (20, "bigint")
        case .numeric: (oid, name) = (1700, "numeric")
        case .float4: (oid, name) = (700, "real")
        case .float8: (oid, name) = (701, "double precision")
        case .text, .unknown: (oid, name) = (25, "text")
        case .date: (oid, name) = (1082, "date")
        case .timestamp: (oid, name) = (1114, "timestamp without time zone")
        case .timestamptz: (oid, name) = (1184, "timestamp with time zone")
        case .uuid: (oid, name) = (2950, "uuid")
        case .json: (oid, name) = (114, "json")
        case .jsonb: (oid, name) = (3802, "jsonb")
        case .label(let type): return type
        case .padded, .array, .opaque, .composite: return nil
        }
        return PostgresType(oid: oid, name: name, shape: .base)
    }

    // MARK: - Families

    /// From the narrowest on: each can be turned into those behind it without being asked to (PostgreSQL documentation,
    /// "Type Conversion"; pg_cast.dat).
    private static let numbers: [ExpressionType] = [.int2, .int4, .int8, .numeric, .float4, .float8]
    private static let moments: [ExpressionType] = [.date, .timestamp, .timestamptz]

    private var numberRank: Int? { ExpressionType.numbers.firstIndex(of: self) }
    private var momentRank: Int? { ExpressionType.moments.firstIndex(of: self) }

    var isInteger: Bool { self == .int2 || self == .int4 || self == .int8 }
    var isFloat: Bool { self == .float4 || self == .float8 }
    var isNumber: Bool { numberRank != nil }
    var isMoment: Bool { momentRank != nil }

    /// Whether a value of this type is taken where `other` is wanted.
    func isTaken(as other: ExpressionType) -> Bool {
        if self == other { return true }
        if let mine = numberRank, let wanted = other.numberRank { return mine < wanted }
        if let mine = momentRank, let wanted = other.momentRank { return mine < wanted }
        return false
    }

    /// What both operands of an arithmetic operator or a comparison become; nil where there is no such operator.
    func operatorType(with other: ExpressionType) -> ExpressionType? {
        if self == other { return self }
        if isFloat || other.isFloat, isNumber, other.isNumber { return .float8 }
        return common(with: other)
    }

    /// What two branches of a CASE and the like become (PostgreSQL documentation, "UNION, CASE, and Related
    /// Constructs"); nil where they don't fit.
    func common(with other: ExpressionType) -> ExpressionType? {
        if self == .unknown || self == other { return other }
        if other == .unknown || other.isTaken(as: self) { return self }
        return isTaken(as: other) ? other : nil
    }
}
