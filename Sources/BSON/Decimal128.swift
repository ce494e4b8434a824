/// An IEEE 754-2008 decimal of 128 bits in binary integer encoding (BID), as BSON wants it: up to 34 digits, exponents
/// from -6176 to 6111. Nothing here rounds: what does not fit exactly gives nil.
///
/// Layout (IEEE 754-2008, 3.5.2): sign in bit 127; below it, unless both are set, a 14-bit exponent biased by 6176 and
/// a coefficient of 113 bits. Both set: infinity, NaN, or (with a coefficient that is always too large here) zero.
/// Equality is that of the bits: 1.0 and 1.00 differ.
package struct Decimal128: Hashable, Sendable {
    package let high: UInt64
    package let low: UInt64

    /// From the 16 bytes of a BSON value.
    package init(high: UInt64, low: UInt64) {
        self.high = high
        self.low = low
    }

    package static let exponents = -6176...6111
    /// 10 to the power of 34, less one.
    package static let maximumCoefficient: UInt128 = powerOfTen(34) - 1

    package static let nan = Decimal128(high: 0x7C00_0000_0000_0000, low: 0)
    package static let infinity = Decimal128(high: 0x7800_0000_0000_0000, low: 0)
    package static let negativeInfinity = Decimal128(high: 0xF800_0000_0000_0000, low: 0)

    /// `coefficient * 10^exponent`. Where that is exact, an exponent out of range is traded against trailing zeros of
    /// the coefficient, and so is a coefficient that is too large; nil where it is not.
    package init?(isNegative: Bool, coefficient: UInt128, exponent: Int) {
        var coefficient = coefficient
        var exponent = exponent
        if coefficient > Decimal128.maximumCoefficient || !Decimal128.exponents.contains(exponent) {
            guard Decimal128.fold(&coefficient, &exponent) else { return nil }
        }
        let biased = UInt64(exponent - Decimal128.exponents.lowerBound)
        high = (isNegative ? 1 << 63 : 0) | biased << 49 | UInt64(truncatingIfNeeded: coefficient >> 64)
        low = UInt64(truncatingIfNeeded: coefficient)
    }

    private static func fold(_ coefficient: inout UInt128, _ exponent: inout Int) -> Bool {
        if coefficient == 0 {
            exponent = min(max(exponent, exponents.lowerBound), exponents.upperBound)
            return true
        }
        while coefficient > maximumCoefficient || exponent < exponents.lowerBound {
            let (quotient, remainder) = coefficient.quotientAndRemainder(dividingBy: 10)
            guard remainder == 0 else { return false }
            coefficient = quotient
            exponent += 1
        }
        while exponent > exponents.upperBound {
            let (product, overflow) = coefficient.multipliedReportingOverflow(by: 10)
            guard !overflow, product <= maximumCoefficient else { return false }
            coefficient = product
            exponent -= 1
        }
        return true
    }

    package var isNegative: Bool { high >> 63 == 1 }
    package var isNaN: Bool { high & 0x7C00_0000_0000_0000 == 0x7C00_0000_0000_0000 }
    package var isFinite: Bool { high & 0x7800_0000_0000_0000 != 0x7800_0000_0000_0000 }

    /// Coefficient and exponent of a finite number. A coefficient of more than 34 digits counts as zero, as the
    /// standard says.
    package var components: (coefficient: UInt128, exponent: Int)? {
        guard isFinite else { return nil }
        let lowest = Decimal128.exponents.lowerBound
        if high & 0x6000_0000_0000_0000 == 0x6000_0000_0000_0000 {
            return (0, Int(high >> 47 & 0x3FFF) + lowest)
        }
        let coefficient = UInt128(high & 0x0001_FFFF_FFFF_FFFF) << 64 | UInt128(low)
        return (coefficient <= Decimal128.maximumCoefficient ? coefficient : 0, Int(high >> 49 & 0x3FFF) + lowest)
    }
}

/// 10 to the power of `exponent`, which is 0...38.
package func powerOfTen(_ exponent: Int) -> UInt128 {
    var result: UInt128 = 1
    for _ in 0..<exponent { result *= 10 }
    return result
}
