import Model
import Testing

struct TableNameTests {
    @Test func quotesAnyName() {
        #expect(TableName(schema: "public", name: "orders").quoted == "\"public\".\"orders\"")
        #expect(TableName(schema: "a\"b", name: "\"").quoted == "\"a\"\"b\".\"\"\"\"")
        #expect(quoteIdentifier("a.b") == "\"a.b\"")
        #expect(quoteIdentifier("") == "\"\"")
        #expect(quoteIdentifier("\"x\"\"") == "\"\"\"x\"\"\"\"\"")
        #expect(quoteIdentifier("Größe; DROP") == "\"Größe; DROP\"")
    }

    @Test func quotesAnyText() {
        #expect(quoteLiteral("it's") == "'it''s'")
        #expect(quoteLiteral("") == "''")
        #expect(quoteLiteral("''") == "''''''")
        #expect(quoteLiteral("a\\b") == "'a\\b'")
    }

    /// An accent, a variation selector and a number sign that join a quote to one character.
    @Test(arguments: ["\u{301}", "\u{FE0F}", "\u{200D}", "\u{600}"])
    func quotesInsideOfCharacters(joined: String) {
        for (text, doubled) in [("'\(joined)", "''\(joined)"), ("\(joined)'", "\(joined)''")] {
            #expect(Array(quoteLiteral(text).utf8) == Array("'\(doubled)'".utf8))
            let name = text.unicodeScalars.map { $0 == "'" ? "\"" : "\($0)" }.joined()
            let quoted = doubled.unicodeScalars.map { $0 == "'" ? "\"" : "\($0)" }.joined()
            #expect(Array(quoteIdentifier(name).utf8) == Array("\"\(quoted)\"".utf8))
        }
    }

    @Test func publicTablesKeepTheirNames() {
        #expect(TableName(schema: "public", name: "orders").defaultCollection == "orders")
        #expect(TableName(schema: "sales", name: "orders").defaultCollection == "sales_orders")
        #expect(TableName(schema: "Public", name: "orders").defaultCollection == "Public_orders")
    }

    @Test func isOrderedBySchemaFirst() {
        let names = [
            TableName(schema: "a", name: "z"), TableName(schema: "b", name: "a"), TableName(schema: "b", name: "b"),
        ]
        #expect(names.reversed().sorted() == names)
        #expect(names[0].description == "a.z")
    }
}
