/// Whether `digits / 10^decimals` is the shortest decimal form of the double nearest to it, in integer arithmetic.
/// Reading and printing by the standard library answers the same and takes ten times as long.
enum ShortestDouble: Equatable {
    case exactly(Double)
    case none
    /// Too large, too long, or on a boundary: ask the standard library.
    case undecided

    /// `digits` does not end in a zero unless `decimals` is 0.
    init(digits: UInt64, decimals: Int) {
        guard decimals < ShortestDouble.powersOfTen.count else {
            self = .undecided
            return
        }
        // Both are exact as doubles, so the division rounds once; and of up to 15 digits every number survives.
        if digits < 1_000_000_000_000_000 {
            self = .exactly(Double(digits) / ShortestDouble.powersOfTen[decimals])
        } else if decimals > 0, digits < 100_000_000_000_000_000 {
            let value = ShortestDouble.quotient(digits, decimals)
            self = ShortestDouble.isShortest(value, digits, decimals)
        } else {
            self = .undecided
        }
    }

    private static let powersOfTen: [Double] = [
        1, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19,
        1e20, 1e21, 1e22,
    ]

    private static let powersOfFive: [UInt64] = [
        1, 5, 25, 125, 625, 3_125, 15_625, 78_125, 390_625, 1_953_125, 9_765_625, 48_828_125, 244_140_625,
        1_220_703_125, 6_103_515_625, 30_517_578_125, 152_587_890_625, 762_939_453_125, 3_814_697_265_625,
        19_073_486_328_125, 95_367_431_640_625, 476_837_158_203_125, 2_384_185_791_015_625,
    ]

    /// `digits / 10^decimals`, rounded to nearest, ties to even: the quotient to 63 bits or more of the digits by
    /// `5^decimals` (which is below 2^52), the lowest bit standing for the rest.
    private static func quotient(_ digits: UInt64, _ decimals: Int) -> Double {
        let divisor = powersOfFive[decimals]
        let (dividendShift, divisorShift) = (digits.leadingZeroBitCount, divisor.leadingZeroBitCount)
        let high = digits << UInt64(dividendShift)
        let (quotient, rest) = (divisor << UInt64(divisorShift)).dividingFullWidth((high >> 1, high << 63))
        let exponent = divisorShift - dividendShift - decimals - 63
        return Double(quotient | (rest == 0 ? 0 : 1)) * Double(bitPattern: UInt64(1023 + exponent) << 52)
    }

    /// Scaled by `2^(1-e) * 10^decimals`, where `m * 2^e` is the double: then half the distance to its neighbours is
    /// `10^decimals`, and everything is whole. At most 2^128 because `decimals` is at most 22.
    private static func isShortest(_ value: Double, _ digits: UInt64, _ decimals: Int) -> ShortestDouble {
        let exponent = Int(value.exponent) - 52
        // At a power of two the lower neighbour is nearer.
        guard exponent < 0, value.significandBitPattern != 0 else { return .undecided }
        let half = UInt128(powersOfFive[decimals]) &<< UInt128(decimals)
        let center = UInt128(value.significandBitPattern | 1 << 52) &* 2 &* half
        let unitShift = UInt128(1 - exponent)
        let unit = UInt128(1) &<< unitShift
        // Printing takes the number nearest to the double among those with as many digits …
        let distance = difference(UInt128(digits) &<< unitShift, center)
        if distance * 2 == unit { return .undecided }
        if distance * 2 > unit { return .none }
        // … unless one with fewer digits also reads back as the double.
        let lower = digits - digits % 10
        for neighbour in [lower, lower + 10] {
            let distance = difference(UInt128(neighbour) &<< unitShift, center)
            if distance == half { return .undecided }
            if distance < half { return .none }
        }
        return .exactly(value)
    }

    private static func difference(_ left: UInt128, _ right: UInt128) -> UInt128 {
        left > right ? left - right : right - left
    }
}
