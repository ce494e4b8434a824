import BSON
import TestSupport
import Testing

@Suite struct Decimal128Tests {
    /// Text, high and low half: worked out from IEEE 754-2008, exponent biased by 6176 from bit 49 of the high half on.
    @Test(
        arguments: [
            ("0", 0x3040_0000_0000_0000, 0), ("1", 0x3040_0000_0000_0000, 1), ("-1", 0xB040_0000_0000_0000, 1),
            ("12.50", 0x303C_0000_0000_0000, 1250), ("0.001", 0x303A_0000_0000_0000, 1),
            ("1E+3", 0x3046_0000_0000_0000, 1),
            ("0.001234567890123456789012345678901234", 0x2FF8_3CDE_6FFF_9732, 0xDE82_5CD0_7E96_AFF2),
            ("9.999999999999999999999999999999999E+6144", 0x5FFF_ED09_BEAD_87C0, 0x378D_8E63_FFFF_FFFF),
            ("1E-6176", 0, 1), ("NaN", 0x7C00_0000_0000_0000, 0), ("Infinity", 0x7800_0000_0000_0000, 0),
            ("-Infinity", 0xF800_0000_0000_0000, 0),
        ] as [(String, UInt64, UInt64)])
    func knowsTheEncoding(text: String, high: UInt64, low: UInt64) throws {
        let value = try #require(Decimal128(text))
        #expect(value == Decimal128(high: high, low: low))
        #expect(value.description == text)
    }

    @Test(arguments: [
        ("-0.0", "-0.0"), ("00012.5e-1", "1.25"), ("1e7", "1E+7"), ("0.0000001", "1E-7"), ("0.000001", "0.000001"),
        ("123E+2", "1.23E+4"), ("inf", "Infinity"), ("-INF", "-Infinity"), ("nan", "NaN"), (".5", "0.5"), ("5.", "5"),
        ("10000000000000000000000000000000000000000", "1.000000000000000000000000000000000E+40"),
        ("1E6144", "1.000000000000000000000000000000000E+6144"), ("0E-9999", "0E-6176"), ("0E9999", "0E+6111"),
    ])
    func readsAndWrites(text: String, expected: String) throws {
        #expect(try #require(Decimal128(text)).description == expected)
    }

    @Test(arguments: [
        "", "-", ".", "e5", "1e", "1e+", "1x", "1.2.3", " 1", "1 ", "--1", "infinit", "nanx",
        "12345678901234567890123456789012345", "1E6145", "1E-6177", "1.5E-6176", "1e999999999999999999999",
    ])
    func refusesWhatDoesNotFit(text: String) { #expect(Decimal128(text) == nil) }

    @Test func aCoefficientTooLargeCountsAsZero() {
        let value = Decimal128(high: 0x3041_FFFF_FFFF_FFFF, low: .max)
        #expect(value.components?.coefficient == 0)
        #expect(Decimal128(high: 0x6000_0000_0000_0000, low: 5).description == "0E-6176")
    }

    @Test func randomNumbersSurviveTextAndBits() throws {
        var random = SeededGenerator(seed: 7)
        for _ in 0..<5000 {
            let digits = Int.random(in: 1...34, using: &random)
            let coefficient = UInt128.random(in: 0..<powerOfTen(digits), using: &random)
            let exponent = Int.random(in: Decimal128.exponents, using: &random)
            let isNegative = Bool.random(using: &random)
            let value = try #require(Decimal128(isNegative: isNegative, coefficient: coefficient, exponent: exponent))
            #expect(value.components?.coefficient == coefficient)
            #expect(value.components?.exponent == exponent)
            #expect(value.isNegative == isNegative)
            #expect(Decimal128(value.description) == value)
        }
    }
}
