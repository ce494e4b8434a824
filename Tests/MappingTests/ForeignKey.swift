import BSON
import TestSupport

/// Values of `_id` such as others may have written: of every BSON type, extreme, or close to what Wherry writes.
enum ForeignKey {
    static func value(_ random: inout SeededGenerator, depth: Int = 0) -> BSONValue {
        switch Int.random(in: 0..<24, using: &random) {
        case 0...2: .string(text(&random))
        case 3: .string(random.chance(50) ? noise(&random) : longNumber(&random))
        case 4: .int32(Int32(truncatingIfNeeded: number(&random)))
        case 5, 6: .int64(number(&random))
        case 7: .double(Double(bitPattern: random.next()))
        case 8: .double(double(&random))
        case 9, 10: .decimal128(decimal(&random))
        case 11: .decimal128(Decimal128(high: random.next(), low: random.next()))
        case 12: .bool(random.chance(50))
        case 13: .binary(subtype: random.chance(50) ? 4 : 0, bytes(random.chance(70) ? 16 : 3, &random))
        case 14: .binary(subtype: UInt8.random(in: 0...255, using: &random), bytes(5, &random))
        case 15: .date(number(&random))
        case 16: .date(number(&random) % 150_000_000 * 86_400_000)
        case 17: .objectID(bytes(12, &random))
        case 18: .timestamp(random.next())
        case 19: [.null, .minKey, .maxKey].randomElement(using: &random) ?? .null
        case 20: .deprecated(.symbol, [2, 0, 0, 0, 0x61, 0])
        case 21: .regex(pattern: noise(&random).filter { $0 != "\0" }, options: "")
        case 22 where depth < 2:
            .document(document((0..<Int.random(in: 0...3, using: &random)).map { "\($0)" }, &random, depth: depth + 1))
        case 23 where depth < 2:
            .array((0..<Int.random(in: 0...3, using: &random)).map { _ in value(&random, depth: depth + 1) })
        default: .javascript(text(&random))
        }
    }

    static func document(_ names: [String], _ random: inout SeededGenerator, depth: Int = 1) -> BSONDocument {
        var elements: [(String, BSONValue)] = []
        for name in names { elements.append((name, value(&random, depth: depth))) }
        return BSONDocument(elements)
    }

    private static let texts = [
        "", "a", "\\351", "\\051", "infinity", "-infinity", "now", "NaN", "null", "0", "17", "4294967295", "4294967296",
        "18446744073709551615", "+5", "007", "101", "x1F", "16/B374D848", "0/0", "0044-03-15", "08:00:2b:01:02:03",
        "08:00:2b:01:02:03:04:05", "23:59:59.5", "24:00:00+05:30", "PT-0.5S", "2001:db8::1/64",
        "2024-01-02T03:04:05.000006Z", "2024-02-29T23:59:59.999999", "+12024-02-29T01:02:03.040000Z",
        "-0043-03-15T12:00:00.500000", "0000-12-31T24:00:00.000000", "+294276-12-31T23:59:59.999999Z",
        "-4713-11-24T00:00:00.000000Z", "+294277-01-01T00:00:00.000000", "2024-01-02 03:04:05.000006+00",
        "0.1234567890123456789012345678901234567", "-12345678901234567890123456789012345.10", "1e40",
    ]

    private static func text(_ random: inout SeededGenerator) -> String {
        var characters = Array(texts.randomElement(using: &random) ?? "")
        while !characters.isEmpty, random.chance(40) {
            let index = Int.random(in: 0..<characters.count, using: &random)
            switch Int.random(in: 0..<4, using: &random) {
            case 0: characters.remove(at: index)
            case 1: characters.insert(characters[index], at: index)
            default:
                characters[index] = Array("0123456789ABab-+:./TZ é\u{301}\0\\").randomElement(using: &random) ?? "0"
            }
        }
        return String(characters)
    }

    private static func noise(_ random: inout SeededGenerator) -> String {
        String(decoding: bytes(Int.random(in: 0...30, using: &random), &random), as: UTF8.self)
    }

    /// Around the 34 digits and the 131072 and 16383 of `numeric`.
    private static func longNumber(_ random: inout SeededGenerator) -> String {
        let whole = [1, 30, 35, 131_072, 131_073].randomElement(using: &random) ?? 1
        let fraction = [0, 1, 34, 16383, 16384].randomElement(using: &random) ?? 1
        return (random.chance(30) ? "-" : "") + String(repeating: random.chance(80) ? "7" : "0", count: whole)
            + (fraction == 0 ? "" : "." + String(repeating: "1", count: fraction))
    }

    private static func number(_ random: inout SeededGenerator) -> Int64 {
        let edges: [Int64] = [
            0, -1, 32767, 32768, -32769, .init(Int32.max), .init(Int32.max) + 1, .init(Int32.min) - 1,
            .init(UInt32.max), .init(UInt32.max) + 1, .max, .min, 1 << 53 + 1, -210_866_803_200_000,
            -210_866_889_600_000, 185_331_707_078_400_000, 185_331_706_992_000_000,
        ]
        return random.chance(40)
            ? edges.randomElement(using: &random) ?? 0
            : Int64(bitPattern: random.next()) >> Int64.random(in: 0...63, using: &random)
    }

    private static func double(_ random: inout SeededGenerator) -> Double {
        let edges: [Double] = [
            0, -0.0, .nan, .infinity, -.infinity, .leastNonzeroMagnitude, .greatestFiniteMagnitude, 0.1, 0.5, -12.25,
            Double(Float.greatestFiniteMagnitude), Double(Float(0.1)), 0x1p63, -0x1p63, 1e22, 1e23,
        ]
        return random.chance(60)
            ? edges.randomElement(using: &random) ?? 0
            : Double(number(&random)) / Double(1 << Int.random(in: 0...40, using: &random))
    }

    private static func decimal(_ random: inout SeededGenerator) -> Decimal128 {
        let specials: [Decimal128] = [.nan, .infinity, .negativeInfinity]
        let number = number(&random)
        return random.chance(10)
            ? specials.randomElement(using: &random) ?? .nan
            : Decimal128(
                isNegative: number < 0, coefficient: UInt128(number.magnitude),
                exponent: random.chance(80)
                    ? Int.random(in: -20...20, using: &random) : Int.random(in: -6176...6111, using: &random)) ?? .nan
    }

    private static func bytes(_ count: Int, _ random: inout SeededGenerator) -> [UInt8] {
        (0..<count).map { _ in UInt8.random(in: 0...255, using: &random) }
    }
}
