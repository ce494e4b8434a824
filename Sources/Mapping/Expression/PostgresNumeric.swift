/// A value of type numeric: exact, with the scale that the server shows it with (PostgreSQL source, numeric.c).
enum PostgresNumeric: Hashable, Sendable {
    case finite(FixedPoint)
    case nan
    case infinity
    case negativeInfinity

    init(_ value: Int64) {
        self = .finite(FixedPoint(isNegative: value < 0, magnitude: Magnitude(value.magnitude), scale: 0))
    }

    /// Not zero, and infinite ones with their sign.
    fileprivate var signum: Int {
        switch self {
        case .finite(let value): value.signum
        case .nan: 0
        case .infinity: 1
        case .negativeInfinity: -1
        }
    }

    fileprivate var isInfinite: Bool { self == .infinity || self == .negativeInfinity }

    private static func infinity(sign: Int) -> PostgresNumeric {
        sign == 0 ? .nan : sign > 0 ? .infinity : .negativeInfinity
    }

    /// NaN equals itself and is greater than any other.
    func compared(to other: PostgresNumeric) -> Int {
        if case .finite(let left) = self, case .finite(let right) = other { return left.compared(to: right) }
        return rank - other.rank
    }

    private var rank: Int {
        switch self {
        case .negativeInfinity: -1
        case .finite: 0
        case .infinity: 1
        case .nan: 2
        }
    }

    static func + (left: PostgresNumeric, right: PostgresNumeric) throws(ValueError) -> PostgresNumeric {
        if case .finite(let left) = left, case .finite(let right) = right { return .finite(try left.adding(right)) }
        if left == .nan || right == .nan { return .nan }
        if left.isInfinite, right.isInfinite { return left == right ? left : .nan }
        return left.isInfinite ? left : right
    }

    static func - (left: PostgresNumeric, right: PostgresNumeric) throws(ValueError) -> PostgresNumeric {
        try left + right.negated
    }

    static func * (left: PostgresNumeric, right: PostgresNumeric) throws(ValueError) -> PostgresNumeric {
        if case .finite(let left) = left, case .finite(let right) = right {
            return .finite(try left.multiplied(by: right))
        }
        if left == .nan || right == .nan { return .nan }
        return infinity(sign: left.signum * right.signum)
    }

    static func / (left: PostgresNumeric, right: PostgresNumeric) throws(ValueError) -> PostgresNumeric {
        if left == .nan || right == .nan { return .nan }
        guard case .finite(let divisor) = right else {
            return left.isInfinite ? .nan : PostgresNumeric(0)
        }
        if divisor.signum == 0 { throw .evaluation(.divisionByZero) }
        guard case .finite(let dividend) = left else { return infinity(sign: left.signum * divisor.signum) }
        return .finite(try dividend.divided(by: divisor))
    }

    static func % (left: PostgresNumeric, right: PostgresNumeric) throws(ValueError) -> PostgresNumeric {
        if left == .nan || right == .nan { return .nan }
        if case .finite(let divisor) = right, divisor.signum == 0 { throw .evaluation(.divisionByZero) }
        guard case .finite(let dividend) = left else { return .nan }
        guard case .finite(let divisor) = right else { return left }
        return .finite(dividend.remainder(by: divisor))
    }

    var negated: PostgresNumeric {
        switch self {
        case .finite(let value): .finite(value.negated)
        case .nan: .nan
        case .infinity: .negativeInfinity
        case .negativeInfinity: .infinity
        }
    }

    var magnitude: PostgresNumeric { signum < 0 ? negated : self }

    /// -1, 0 or 1; NaN for NaN.
    var sign: PostgresNumeric { self == .nan ? .nan : PostgresNumeric(Int64(signum)) }

    /// To so many decimals, which may be negative.
    func rounded(to scale: Int, _ rule: FixedPoint.Rule) throws(ValueError) -> PostgresNumeric {
        guard case .finite(let value) = self else { return self }
        // More decimals than a numeric has are not asked for, nor more digits cut than it has (numeric_round).
        let limits = -FixedPoint.maximumDigits - 1...FixedPoint.maximumScale
        return .finite(
            try value.rounded(to: min(max(scale, limits.lowerBound), limits.upperBound), rule).checked())
    }

    /// The nearest whole number, halves away from zero. Throws `.evaluation(.outOfRange)`, also for what is not finite.
    func integer(in range: ClosedRange<Int64>) throws(ValueError) -> Int64 {
        guard case .finite(let value) = self, let integer = value.rounded(to: 0, .half).integer, range.contains(integer)
        else { throw .evaluation(.outOfRange) }
        return integer
    }

    /// As `numeric_out` writes it.
    var text: [UInt8] {
        switch self {
        case .finite(let value): value.text
        case .nan: Array("NaN".utf8)
        case .infinity: Array("Infinity".utf8)
        case .negativeInfinity: Array("-Infinity".utf8)
        }
    }
}
