import Model
import Testing

@testable import WherryCommand

@Suite struct TableNameTextTests {
    /// Dots, quotes, and quotes that are one character with what is beside them.
    @Test(arguments: ["plain", "a.b", "\"", "e\"\u{301}😀", "\u{600}\"x", "a\"\"b", "\"\u{FE0F}.\"", "a,b"])
    func whatIsWrittenIsRead(name: String) {
        let table = TableName(schema: "public", name: name)
        let text = TableNameText.text(table)
        let read = TableNameText.parse(text)
        #expect(Array(read?.name.utf8 ?? "".utf8) == Array(name.utf8) && read?.schema == "public")
        // In a list a name with a comma stands in quotes.
        guard !name.contains(",") else { return }
        #expect(
            TableNameText.split("a.b, \(text) ,c.d").map { Array($0.utf8) }
                == ["a.b", text, "c.d"].map { Array($0.utf8) })
    }

    @Test(arguments: ["", "a", "a.", ".b", "\"a.b", "a.b.c", "\"a\"b.c", "\"\".a"]) func whatIsNone(text: String) {
        #expect(TableNameText.parse(text) == nil)
    }
}
