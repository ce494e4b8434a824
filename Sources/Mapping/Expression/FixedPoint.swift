/// `magnitude / 10^scale` with a sign: a finite numeric. Zero has none.
struct FixedPoint: Hashable, Sendable {
    let isNegative: Bool
    let magnitude: Magnitude
    /// Digits behind the point, trailing zeros among them.
    let scale: Int

    /// What to do with digits that are cut off.
    enum Rule { case half, down, floor, ceiling }

    init(isNegative: Bool, magnitude: Magnitude, scale: Int) {
        self.isNegative = isNegative && !magnitude.isZero
        self.magnitude = magnitude
        self.scale = scale
    }

    /// The largest scale of a numeric (PostgreSQL source, numeric.c, NUMERIC_DSCALE_MAX).
    static let maximumScale = 16383
    /// Digits in front of the point (PostgreSQL documentation, "Arbitrary Precision Numbers").
    static let maximumDigits = 131_072

    /// Itself, unless it has more digits than a numeric can.
    func checked() throws(ValueError) -> FixedPoint {
        guard magnitude.digitCount - scale <= FixedPoint.maximumDigits, scale <= FixedPoint.maximumScale else {
            throw .evaluation(.outOfRange)
        }
        return self
    }

    var signum: Int { magnitude.isZero ? 0 : isNegative ? -1 : 1 }

    var negated: FixedPoint { FixedPoint(isNegative: !isNegative, magnitude: magnitude, scale: scale) }

    /// nil when it is no whole number, or too large. For a scale of 0.
    var integer: Int64? {
        guard scale == 0, let magnitude = magnitude.uint64 else { return nil }
        return Int64(exactly: isNegative ? -Int128(magnitude) : Int128(magnitude))
    }

    private func magnitude(atScale scale: Int) -> Magnitude { magnitude.timesPowerOfTen(scale - self.scale) }

    func compared(to other: FixedPoint) -> Int {
        if signum != other.signum { return signum - other.signum }
        let scale = max(scale, other.scale)
        return magnitude(atScale: scale).compared(to: other.magnitude(atScale: scale)) * (isNegative ? -1 : 1)
    }

    func adding(_ other: FixedPoint) throws(ValueError) -> FixedPoint {
        let scale = max(scale, other.scale)
        let (left, right) = (magnitude(atScale: scale), other.magnitude(atScale: scale))
        if isNegative == other.isNegative {
            return try FixedPoint(isNegative: isNegative, magnitude: left + right, scale: scale).checked()
        }
        return left.compared(to: right) >= 0
            ? FixedPoint(isNegative: isNegative, magnitude: left - right, scale: scale)
            : FixedPoint(isNegative: other.isNegative, magnitude: right - left, scale: scale)
    }

    func multiplied(by other: FixedPoint) throws(ValueError) -> FixedPoint {
        // Known without the work, which is the square of the digits.
        let digits = magnitude.digitCount + other.magnitude.digitCount - 1 - scale - other.scale
        if signum * other.signum != 0, digits > FixedPoint.maximumDigits { throw .evaluation(.outOfRange) }
        let product = FixedPoint(
            isNegative: isNegative != other.isNegative, magnitude: magnitude * other.magnitude,
            scale: scale + other.scale)
        return try product.rounded(to: min(product.scale, FixedPoint.maximumScale), .half).checked()
    }

    /// Rounded to at least 16 significant digits and no fewer decimals than either has (`select_div_scale`).
    func divided(by other: FixedPoint) throws(ValueError) -> FixedPoint {
        let (left, right) = (leadingDigit, other.leadingDigit)
        let weight = left.weight - right.weight - (left.digit <= right.digit ? 1 : 0)
        let result = min(max(16 - weight * 4, scale, other.scale, 0), 1000)
        let shift = result + other.scale - scale
        let dividend = magnitude.timesPowerOfTen(max(shift, 0))
        let divisor = other.magnitude.timesPowerOfTen(max(-shift, 0))
        var (quotient, remainder) = dividend.divided(by: divisor)
        if (remainder + remainder).compared(to: divisor) >= 0 { quotient = quotient + Magnitude(1) }
        return try FixedPoint(isNegative: isNegative != other.isNegative, magnitude: quotient, scale: result).checked()
    }

    /// The first digit to base 10,000 that is not zero, and its weight, as numeric.c keeps them; zeros for zero.
    private var leadingDigit: (digit: Int, weight: Int) {
        guard !magnitude.isZero else { return (0, 0) }
        let exponent = magnitude.digitCount - 1 - scale
        let weight = Int(flooredQuotient(Int64(exponent), 4).quotient)
        let digit = (0..<4).reduce(0) { $0 * 10 + magnitude.digit(at: weight * 4 + 3 - $1 + scale) }
        return (digit, weight)
    }

    /// With the sign of the dividend.
    func remainder(by other: FixedPoint) -> FixedPoint {
        let scale = max(scale, other.scale)
        let remainder = magnitude(atScale: scale).divided(by: other.magnitude(atScale: scale)).remainder
        return FixedPoint(isNegative: isNegative, magnitude: remainder, scale: scale)
    }

    /// To so many decimals; a negative number of them cuts digits in front of the point, and leaves a scale of 0.
    func rounded(to decimals: Int, _ rule: Rule) -> FixedPoint {
        if decimals >= scale {
            return FixedPoint(
                isNegative: isNegative, magnitude: magnitude.timesPowerOfTen(decimals - scale), scale: decimals)
        }
        let cut = scale - decimals
        var kept = magnitude.dividedByPowerOfTen(cut)
        let goesUp =
            switch rule {
            case .half: magnitude.digit(at: cut - 1) >= 5
            case .down: false
            case .floor: isNegative && kept.timesPowerOfTen(cut) != magnitude
            case .ceiling: !isNegative && kept.timesPowerOfTen(cut) != magnitude
            }
        if goesUp { kept = kept + Magnitude(1) }
        return FixedPoint(
            isNegative: isNegative, magnitude: kept.timesPowerOfTen(max(-decimals, 0)), scale: max(decimals, 0))
    }

    var text: [UInt8] {
        var digits = magnitude.digits
        if digits.count <= scale { digits = [UInt8](repeating: 0x30, count: scale + 1 - digits.count) + digits }
        if scale > 0 { digits.insert(0x2E, at: digits.count - scale) }
        return isNegative ? [0x2D] + digits : digits
    }
}
