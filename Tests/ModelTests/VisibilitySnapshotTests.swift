import Model
import TestSupport
import Testing

struct VisibilitySnapshotTests {
    @Test func readsServerText() throws {
        let snapshot = try #require(VisibilitySnapshot("729:735:729,731,734"))
        #expect(snapshot.xmin == 729)
        #expect(snapshot.xmax == 735)
        #expect(snapshot.running == [729, 731, 734])
        #expect(snapshot.description == "729:735:729,731,734")
        #expect(VisibilitySnapshot("5:5:")?.running == [])
        #expect(VisibilitySnapshot("x5:6:5".dropFirst())?.xmin == 5)
        let wide = "18446744073709551614:18446744073709551615:18446744073709551614"
        #expect(VisibilitySnapshot(wide)?.description == wide)
    }

    @Test(arguments: [
        "", ":", "::", "1:1", "1:1::", "2:1:", "1:3:1,", "1:3:,1", "1:3:2,1", "1:3:1,1", "1:3:3", "2:3:1", "-1:3:",
        "+1:3:", "1:3: 1", "1:3:1\n", "0x1:3:", "٣:5:", "18446744073709551616:18446744073709551617:", "a:b:c",
    ])
    func refusesEverythingElse(_ text: String) {
        #expect(VisibilitySnapshot(text) == nil)
    }

    @Test func sees() throws {
        let snapshot = try #require(VisibilitySnapshot("10:20:10,13,19"))
        let seen = (0...25).map { UInt64($0) }.filter { snapshot.sees($0) }
        #expect(seen == [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 11, 12, 14, 15, 16, 17, 18])
        #expect(!snapshot.sees(.max))
        let quiet = try #require(VisibilitySnapshot("10:10:"))
        #expect(quiet.sees(9))
        #expect(!quiet.sees(10))
    }

    @Test(
        arguments: [
            (1000, 999, 999), (1000, 1000, 1000), (1000, 1001, 1001),
            // Just above a multiple of 2³², ids just below it, and the other way round.
            (0x1_0000_0005, 0xFFFF_FFFE, 0xFFFF_FFFE), (0x1_0000_0005, 3, 0x1_0000_0003),
            (0xFFFF_FFFE, 3, 0x1_0000_0003), (0xFFFF_FFFE, 0xFFFF_FFF0, 0xFFFF_FFF0),
            (0x7_0000_0000, 0xFFFF_FFFF, 0x6_FFFF_FFFF), (0x7_0000_0000, 0, 0x7_0000_0000),
            (0x6_FFFF_FFFF, 0, 0x7_0000_0000), (0x6_FFFF_FFFF, 0xFFFF_FFFF, 0x6_FFFF_FFFF),
            // Half the circle away.
            (0x3_0000_0010, 0x8000_000F, 0x3_8000_000F), (0x3_0000_0010, 0x8000_0011, 0x2_8000_0011),
            (0x3_8000_0010, 0x0000_0011, 0x3_0000_0011), (0x3_8000_0010, 0x0000_000F, 0x4_0000_000F),
            // There is nothing below 0 and nothing above 2⁶⁴.
            (5, 0xFFFF_FFFF, 0xFFFF_FFFF), (.max, 2, 0xFFFF_FFFF_0000_0002),
        ] as [(UInt64, UInt32, UInt64)])
    func widens(_ xmax: UInt64, _ xid: UInt32, _ expected: UInt64) throws {
        #expect(try #require(VisibilitySnapshot("\(xmax):\(xmax):")).widen(xid) == expected)
    }

    @Test func widensWhatWasCutOff() throws {
        var random = SeededGenerator(seed: 7)
        for _ in 0..<2000 {
            let turn = UInt64.random(in: 1...1000, using: &random) << 32
            let near = turn &+ UInt64.random(in: 0..<64, using: &random) &- 32
            let xmax = random.chance(50) ? near : turn + UInt64.random(in: 0..<1 << 32, using: &random)
            let distance = Int64.random(in: -(1 << 31) + 1..<1 << 31, using: &random)
            let xid = UInt64(Int64(xmax) + distance)
            let snapshot = try #require(VisibilitySnapshot("\(xmax):\(xmax):"))
            #expect(snapshot.widen(UInt32(truncatingIfNeeded: xid)) == xid)
        }
    }
}
