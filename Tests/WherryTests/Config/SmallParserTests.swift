import Model
import Testing

@testable import WherryCommand

@Suite struct SmallParserTests {
    @Test(arguments: [
        ("0", 0), ("16MB", 16_000_000), ("16 MiB", 16_777_216), ("1kib", 1024), ("2GB", 2_000_000_000), ("7B", 7),
    ])
    func sizes(text: String, bytes: Int) { #expect(ByteSize.parse(text) == bytes) }

    @Test(arguments: ["", "MB", "-1", "1.5MB", "1XB", "9223372036854775807kB", "99999999999999999999", "１MB"])
    func noSizes(text: String) { #expect(ByteSize.parse(text) == nil) }

    @Test(arguments: [
        ("10", Duration.seconds(10)), ("10s", .seconds(10)), ("500ms", .milliseconds(500)), ("2m", .seconds(120)),
        ("1h", .seconds(3600)),
    ])
    func durations(text: String, duration: Duration) { #expect(DurationText.parse(text) == duration) }

    @Test(arguments: ["", "s", "-1s", "1d", "1.5s", "9223372036854775807h", "9999999999h"])
    func noDurations(text: String) { #expect(DurationText.parse(text) == nil) }

    @Test(arguments: [
        ("", "", 0), ("a", "", 1), ("abc", "abc", 0), ("abc", "acb", 1), ("kitten", "sitting", 3), ("ca", "abc", 3),
        ("schemas", "shcemas", 1),
    ])
    func editDistances(left: String, right: String, distance: Int) {
        #expect(Suggestion.editDistance(left, right) == distance)
        #expect(Suggestion.editDistance(right, left) == distance)
    }

    @Test func suggestions() {
        let words = ["plugin", "publication", "schemas", "slot", "uri"]
        #expect(Suggestion.nearest(to: "pubication", among: words) == "publication")
        #expect(Suggestion.nearest(to: "URL", among: words) == "uri")
        #expect(Suggestion.nearest(to: "password", among: words) == nil)
        #expect(Suggestion.nearest(to: "x", among: []) == nil)
    }
}
