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
