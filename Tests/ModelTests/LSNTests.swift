import Model
import Testing

struct LSNTests {
    @Test(
        arguments: [
            ("0/0", 0), ("16/B374D848", 0x16_B374_D848), ("16/b374d848", 0x16_B374_D848), ("0/1", 1), ("1/0", 1 << 32),
            ("FFFFFFFF/FFFFFFFF", UInt64.max), ("00000001/00000002", 1 << 32 | 2),
        ] as [(String, UInt64)])
    func readsServerText(_ text: String, _ value: UInt64) {
        #expect(LSN(text)?.rawValue == value)
    }

    @Test(arguments: [
        "", "/", "0", "0/", "/0", "0/0/0", "0//0", " 0/0", "0/0 ", "0/ 1", "0x1/0", "+1/0", "0/-1", "-0/0", "G/0",
        "123456789/0", "0/123456789", "000000000/0", "1.0/0", "٣/0", "0/\u{0}1", "0\\0", "16/B374D848\n",
    ])
    func refusesEverythingElse(_ text: String) {
        #expect(LSN(text) == nil)
    }

    @Test func printsAsTheServerDoes() {
        #expect(LSN(rawValue: 0x16_B374_D848).description == "16/B374D848")
        #expect(LSN.zero.description == "0/0")
        #expect(LSN(rawValue: .max).description == "FFFFFFFF/FFFFFFFF")
        #expect(LSN(rawValue: 0x1_0000_000A).description == "1/A")
    }

    @Test func whatIsPrintedReadsBack() {
        var value: UInt64 = 1
        for _ in 0..<1000 {
            value = value &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            let lsn = LSN(rawValue: value >> (value & 63))
            #expect(LSN(lsn.description) == lsn)
        }
    }

    @Test func readsASubstring() {
        #expect(LSN("at 0/2A.".dropFirst(3).dropLast())?.rawValue == 42)
    }

    /// As text `9/0` is larger than `10/0`, and `0/FFFFFFFF` larger than `1/0` by its second half.
    @Test func isOrderedAsANumber() throws {
        let texts = ["0/0", "0/9", "0/10", "0/FFFFFFFF", "1/0", "9/0", "10/0", "80000000/0", "FFFFFFFF/FFFFFFFF"]
        let positions = try texts.map { try #require(LSN($0)) }
        #expect(positions.shuffled().sorted() == positions)
        #expect(zip(positions, positions.dropFirst()).allSatisfy { $0 < $1 })
    }

    @Test func countsBytesOnlyForwards() {
        let (early, late) = (LSN(rawValue: 5), LSN(rawValue: .max))
        #expect(late.bytes(since: early) == UInt64.max - 5)
        #expect(early.bytes(since: late) == 0)
        #expect(early.bytes(since: early) == 0)
    }
}
