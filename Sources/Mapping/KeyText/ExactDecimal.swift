import BSON

/// A finite number of any BSON type: `coefficient * 10^exponent`, exactly. The coefficient has no trailing zeros, and
/// zero neither sign nor exponent, so that equal numbers are equal here.
struct ExactDecimal: Hashable {
    let isNegative: Bool
    let coefficient: UInt128
    let exponent: Int

    /// nil for what is no finite number, and for doubles that take more than 38 digits.
    init?(_ value: BSONValue) {
        switch value {
        case .int32(let value): self.init(value < 0, UInt128(value.magnitude), 0)
        case .int64(let value): self.init(value < 0, UInt128(value.magnitude), 0)
        case .double(let value): self.init(value)
        case .decimal128(let value):
            guard let (coefficient, exponent) = value.components else { return nil }
            self.init(value.isNegative, coefficient, exponent)
        default: return nil
        }
    }

    private init(_ isNegative: Bool, _ coefficient: UInt128, _ exponent: Int) {
        var coefficient = coefficient
        var exponent = coefficient == 0 ? 0 : exponent
        while coefficient != 0, coefficient % 10 == 0 {
            coefficient /= 10
            exponent += 1
        }
        self.isNegative = isNegative && coefficient != 0
        self.coefficient = coefficient
        self.exponent = exponent
    }

    /// An odd number times a power of two: a negative power is one of ten as soon as as many fives are multiplied in.
    private init?(_ value: Double) {
        guard value.isFinite else { return nil }
        if value == 0 {
            self.init(false, 0, 0)
            return
        }
        let width = value.significandWidth
        var coefficient = UInt128(Double(sign: .plus, exponent: width, significand: value.significand))
        var power = Int(value.exponent) - width
        var exponent = min(power, 0)
        while power != 0 {
            if power > 0, coefficient % 5 == 0 {
                coefficient /= 5
                exponent += 1
            } else {
                let (product, overflow) = coefficient.multipliedReportingOverflow(by: power > 0 ? 2 : 5)
                if overflow { return nil }
                coefficient = product
            }
            power -= power.signum()
        }
        self.init(value < 0, coefficient, exponent)
    }

    var integer: Int64? {
        guard exponent >= 0 else { return nil }
        var magnitude = coefficient
        for _ in 0..<exponent {
            let (product, overflow) = magnitude.multipliedReportingOverflow(by: 10)
            if overflow { return nil }
            magnitude = product
        }
        guard let magnitude = UInt64(exactly: magnitude) else { return nil }
        return isNegative ? Int64(exactly: -Int128(magnitude)) : Int64(exactly: magnitude)
    }

    /// nil where the nearest double is another number.
    var double: Double? {
        guard let nearest = Double("\(isNegative ? "-" : "")\(coefficient)e\(exponent)") else { return nil }
        return ExactDecimal(.double(nearest)) == self ? nearest : nil
    }
}
