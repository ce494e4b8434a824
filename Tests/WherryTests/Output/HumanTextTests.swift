import Testing

@testable import WherryCommand

@Suite struct HumanTextTests {
    @Test(arguments: [
        (UInt64(0), "0 B"), (999, "999 B"), (1000, "1.0 kB"), (1234, "1.2 kB"), (12_345, "12 kB"), (999_499, "999 kB"),
        (999_500, "1.0 MB"), (1_200_000_000, "1.2 GB"), (.max, "18 EB"),
    ])
    func sizes(bytes: UInt64, text: String) { #expect(HumanText.size(bytes) == text) }

    @Test(arguments: [
        (0, "0"), (999, "999"), (1000, "1,000"), (1_234_567, "1,234,567"), (-1234, "-1,234"),
        (Int.min, "-9,223,372,036,854,775,808"),
    ])
    func counts(number: Int, text: String) { #expect(HumanText.count(number) == text) }

    @Test(arguments: [
        (0.0, "0.0"), (0.44, "0.4"), (9.94, "9.9"), (17.4, "17"), (999.4, "999"), (1234, "1,230"), (102_345, "102,000"),
        (.infinity, "?"), (.nan, "?"),
    ])
    func rates(value: Double, text: String) { #expect(HumanText.rate(value) == text) }

    @Test(arguments: [
        (0.0, "0.0 s"), (-1, "0.0 s"), (0.44, "0.4 s"), (9.96, "10 s"), (59.4, "59 s"), (59.6, "1 min"),
        (185, "3 min 5 s"), (3600, "1 h"), (8040, "2 h 14 min"), (442_800, "5 d 3 h"), (.infinity, "?"),
    ])
    func durations(seconds: Double, text: String) { #expect(HumanText.duration(seconds: seconds) == text) }

    @Test func percents() {
        #expect(HumanText.percent(1, of: 0) == nil)
        #expect(HumanText.percent(0, of: 10) == "0 %")
        #expect(HumanText.percent(9999, of: 10_000) == "99 %")
        #expect(HumanText.percent(10, of: 10) == "100 %")
        #expect(HumanText.percent(11, of: 10) == "100 %")
    }
}

@Suite struct DisplayWidthTests {
    @Test(arguments: [("abc", 3), ("", 0), ("日本", 4), ("e\u{301}", 1), ("😀", 2), ("→", 1)])
    func columns(text: String, width: Int) { #expect(DisplayWidth.columns(text) == width) }

    @Test(arguments: [
        ("abcdef", 6, "abcdef"), ("abcdef", 4, "abc…"), ("日本語", 5, "日本…"), ("日本語", 4, "日…"), ("ab", 1, "…"),
        ("ab", 0, ""),
        ("a\nb\u{1B}[2J", 20, "a?b?[2J"),
    ])
    func fitting(text: String, width: Int, expected: String) {
        let fitted = DisplayWidth.fit(text, width: width)
        #expect(fitted == expected)
        #expect(DisplayWidth.columns(fitted) <= width)
    }

    @Test func tables() {
        var table = TextTable([("name", .left), ("rows", .right), ("state", .left)])
        table.add(["日本", "1", "x"])
        table.add(["orders", "1,000"])
        #expect(
            table.lines(indent: " ") == [
                " name     rows  state", " 日本        1  x", " orders  1,000",
            ])
    }
}
