/// A whole number of any size that is not negative: digits to base 10^9, the lowest first, without zeros at the end.
/// The base makes shifts by powers of ten, which decimal arithmetic needs all the time, as cheap as text.
struct Magnitude: Hashable, Sendable {
    private(set) var limbs: [UInt32] = []

    private static let base: UInt64 = 1_000_000_000
    private static let powers: [UInt64] = [
        1, 10, 100, 1000, 10_000, 100_000, 1_000_000, 10_000_000, 100_000_000,
    ]

    init() {}

    init(_ value: UInt64) {
        var rest = value
        while rest > 0 {
            limbs.append(UInt32(rest % Magnitude.base))
            rest /= Magnitude.base
        }
    }

    private init(limbs: [UInt32]) {
        self.limbs = limbs
        while self.limbs.last == 0 { self.limbs.removeLast() }
    }

    /// From ASCII digits, which the caller has checked.
    init(digits: some BidirectionalCollection<UInt8>) {
        var limb: UInt64 = 0
        var place = 0
        for digit in digits.reversed() {
            limb += UInt64(digit - 0x30) * Magnitude.powers[place]
            place += 1
            if place == 9 {
                limbs.append(UInt32(limb))
                limb = 0
                place = 0
            }
        }
        limbs.append(UInt32(limb))
        while limbs.last == 0 { limbs.removeLast() }
    }

    var isZero: Bool { limbs.isEmpty }

    var isOdd: Bool { (limbs.first ?? 0) & 1 == 1 }

    /// Decimal digits; 0 for zero.
    var digitCount: Int {
        guard let top = limbs.last else { return 0 }
        return (limbs.count - 1) * 9 + (Magnitude.powers.lastIndex { UInt64(top) >= $0 } ?? 0) + 1
    }

    /// The decimal digit that stands for `10^place`.
    func digit(at place: Int) -> Int {
        guard place >= 0, place / 9 < limbs.count else { return 0 }
        return Int(UInt64(limbs[place / 9]) / Magnitude.powers[place % 9] % 10)
    }

    /// ASCII; "0" for zero.
    var digits: [UInt8] {
        guard !isZero else { return [0x30] }
        return (0..<digitCount).reversed().map { UInt8(0x30 + digit(at: $0)) }
    }

    /// nil when it is too large.
    var uint64: UInt64? {
        var value: UInt64 = 0
        for limb in limbs.reversed() {
            let (product, overflow) = value.multipliedReportingOverflow(by: Magnitude.base)
            let (sum, sumOverflow) = product.addingReportingOverflow(UInt64(limb))
            if overflow || sumOverflow { return nil }
            value = sum
        }
        return value
    }

    /// Negative, zero or positive as `self` is less, equal or greater.
    func compared(to other: Magnitude) -> Int {
        if limbs.count != other.limbs.count { return limbs.count < other.limbs.count ? -1 : 1 }
        for index in limbs.indices.reversed() where limbs[index] != other.limbs[index] {
            return limbs[index] < other.limbs[index] ? -1 : 1
        }
        return 0
    }

    static func + (left: Magnitude, right: Magnitude) -> Magnitude {
        var sum: [UInt32] = []
        var carry: UInt64 = 0
        for index in 0..<max(left.limbs.count, right.limbs.count) {
            let value = left.limb(index) + right.limb(index) + carry
            sum.append(UInt32(value % base))
            carry = value / base
        }
        sum.append(UInt32(carry))
        return Magnitude(limbs: sum)
    }

    /// `right` is not greater than `left`.
    static func - (left: Magnitude, right: Magnitude) -> Magnitude {
        var difference: [UInt32] = []
        var borrow: UInt64 = 0
        for index in left.limbs.indices {
            let value = left.limb(index) &+ base - right.limb(index) - borrow
            difference.append(UInt32(value % base))
            borrow = value < base ? 1 : 0
        }
        return Magnitude(limbs: difference)
    }

    static func * (left: Magnitude, right: Magnitude) -> Magnitude {
        var product = [UInt32](repeating: 0, count: left.limbs.count + right.limbs.count)
        for (offset, factor) in left.limbs.enumerated() {
            var carry: UInt64 = 0
            for index in right.limbs.indices {
                let value = UInt64(product[offset + index]) + UInt64(factor) * right.limb(index) + carry
                product[offset + index] = UInt32(value % base)
                carry = value / base
            }
            product[offset + right.limbs.count] = UInt32(carry)
        }
        return Magnitude(limbs: product)
    }

    /// `self * 10^exponent`, `exponent` not negative.
    func timesPowerOfTen(_ exponent: Int) -> Magnitude {
        if isZero || exponent == 0 { return self }
        let shifted = Magnitude(limbs: [UInt32](repeating: 0, count: exponent / 9) + limbs)
        return exponent % 9 == 0 ? shifted : shifted * Magnitude(Magnitude.powers[exponent % 9])
    }

    /// `self / 10^exponent` without what is behind the point, `exponent` not negative.
    func dividedByPowerOfTen(_ exponent: Int) -> Magnitude {
        Magnitude(limbs: Array(limbs.dropFirst(exponent / 9))).divided(byLimb: Magnitude.powers[exponent % 9]).quotient
    }

    private func limb(_ index: Int) -> UInt64 { index < limbs.count ? UInt64(limbs[index]) : 0 }

    private func divided(byLimb divisor: UInt64) -> (quotient: Magnitude, remainder: Magnitude) {
        var quotient = limbs
        var rest: UInt64 = 0
        for index in limbs.indices.reversed() {
            let value = rest * Magnitude.base + UInt64(limbs[index])
            quotient[index] = UInt32(value / divisor)
            rest = value % divisor
        }
        return (Magnitude(limbs: quotient), Magnitude(rest))
    }

    /// By a divisor that is not zero.
    func divided(by divisor: Magnitude) -> (quotient: Magnitude, remainder: Magnitude) {
        if compared(to: divisor) < 0 { return (Magnitude(), self) }
        if divisor.limbs.count == 1 { return divided(byLimb: UInt64(divisor.limbs[0])) }
        // Knuth, The Art of Computer Programming, volume 2, 4.3.1, algorithm D.
        let factor = Magnitude.base / (UInt64(divisor.limbs.last ?? 0) + 1)
        let lower = (divisor * Magnitude(factor)).limbs.map { UInt64($0) }
        var rest = (self * Magnitude(factor)).limbs.map { UInt64($0) }
        while rest.count <= limbs.count { rest.append(0) }
        var quotient = [UInt32](repeating: 0, count: rest.count - lower.count)
        for place in quotient.indices.reversed() {
            quotient[place] = UInt32(Magnitude.step(&rest, lower, at: place))
        }
        let remainder = Magnitude(limbs: rest.map { UInt32($0) }).divided(byLimb: factor).quotient
        return (Magnitude(limbs: quotient), remainder)
    }

    /// One digit of a quotient, taken off the rest.
    private static func step(_ rest: inout [UInt64], _ divisor: [UInt64], at place: Int) -> UInt64 {
        let count = divisor.count
        let head = rest[place + count] * base + rest[place + count - 1]
        var guess = head / divisor[count - 1]
        var left = head % divisor[count - 1]
        while guess >= base || guess * divisor[count - 2] > left * base + rest[place + count - 2] {
            guess -= 1
            left += divisor[count - 1]
            if left >= base { break }
        }
        var borrow: UInt64 = 0
        for index in 0...count {
            let product = guess * (index < count ? divisor[index] : 0) + borrow
            borrow = product / base
            let digit = product % base
            if rest[place + index] < digit {
                rest[place + index] += base
                borrow += 1
            }
            rest[place + index] -= digit
        }
        guard borrow > 0 else { return guess }
        // The guess was one too many.
        var carry: UInt64 = 0
        for index in 0...count {
            let sum = rest[place + index] + (index < count ? divisor[index] : 0) + carry
            rest[place + index] = sum % base
            carry = sum / base
        }
        return guess - 1
    }
}
