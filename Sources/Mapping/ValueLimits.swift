import Model

/// What there may be in a column that its field doesn't hold as it is, or in another form.
struct ValueLimits: OptionSet, Sendable {
    let rawValue: UInt16

    /// Numerics of more than 34 digits.
    static let digits = ValueLimits(rawValue: 1)
    /// Timestamps with microseconds, where a date cuts them.
    static let microseconds = ValueLimits(rawValue: 2)
    /// ±infinity, where there is no room for it but as text.
    static let infinity = ValueLimits(rawValue: 4)
    /// Numbers that a double rounds.
    static let rounding = ValueLimits(rawValue: 8)
    /// Timestamps, in whatever form.
    static let moments = ValueLimits(rawValue: 16)
    /// Values that the type asked for has no room for.
    static let misfits = ValueLimits(rawValue: 32)
    /// JSON, whose null is no other than SQL's in a document, and whose numbers of more than 34 digits are text.
    static let json = ValueLimits(rawValue: 64)
    /// Arrays, of which a document doesn't say at which number they begin.
    static let bounds = ValueLimits(rawValue: 128)
    /// Values of a type that no codec is for, where something is said of them.
    static let unknown = ValueLimits(rawValue: 256)
}

extension ValueCodec {
    /// - Parameter modifier: `pg_attribute.atttypmod` of the column, or of the domain it is of; -1 without.
    func limits(modifier: Int32) -> ValueLimits {
        switch self {
        case .scalar(let scalar): scalar.limits(modifier: modifier)
        // The modifier of an array's column is about its elements (PostgreSQL documentation, "Arrays").
        case .array(let part, _): part.limits(modifier: modifier).union(.bounds)
        case .range(let part, _), .multirange(let part): part.limits(modifier: -1)
        case .composite(let attributes):
            attributes.reduce(into: []) { $0.formUnion($1.codec.limits(modifier: -1)) }
        case .refined(_, .withoutText(.unknownType)): .unknown
        case .refined(let codec, .withoutText): codec.limits(modifier: modifier)
        case .refined(let codec, .withoutInfinity): codec.limits(modifier: modifier).union(.infinity)
        case .refined(.scalar(.numeric), .converted(.double)), .refined(.scalar(.int8), .converted(.double)): .rounding
        case .refined(.scalar(let scalar), .converted(let type)): scalar.fits(type, modifier) ? [] : .misfits
        case .refined(_, .converted), .refined(_, .masked): []
        }
    }
}

extension ScalarCodec {
    /// Whether every value can be converted.
    fileprivate func fits(_ type: FieldType, _ modifier: Int32) -> Bool {
        switch (type, self) {
        case (.int32, .int2), (.int32, .int4), (.int64, .int2), (.int64, .int4), (.int64, .oid): true
        // Without digits behind the point, and with no more than the type has for all numbers.
        case (.int32, .numeric), (.int64, .numeric):
            modifier >= 4 && (modifier - 4) & 0x7FF == 0 && (modifier - 4) >> 16 <= (type == .int32 ? 9 : 18)
        case (.bool, _), (.int32, _), (.int64, _): self == .bool
        default: true
        }
    }

    fileprivate func limits(modifier: Int32) -> ValueLimits {
        switch self {
        case .numeric: modifier >= 4 && ScalarCodec.mostDigits(modifier) <= 34 ? [] : .digits
        // How many digits behind the point of the seconds (timestamp.c, anytimestamp_typmodout).
        case .timestamp, .timestamptz:
            (0...3).contains(modifier) ? [.infinity, .moments] : [.infinity, .moments, .microseconds]
        case .timestampMicros: [.infinity, .moments]
        case .timestampText, .timestamptzText: .moments
        case .date: .infinity
        case .json, .jsonb: .json
        default: []
        }
    }

    /// The precision in the upper half, the scale in the lower eleven bits; a negative scale adds zeros before the point
    /// (PostgreSQL source, numeric.c, make_numeric_typmod).
    private static func mostDigits(_ modifier: Int32) -> Int32 {
        let packed = modifier - 4
        return packed >> 16 + max(0, 1024 - (packed & 0x7FF ^ 0x400))
    }
}
