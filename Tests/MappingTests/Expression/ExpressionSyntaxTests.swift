import Mapping
import Model
import Testing

/// What is no expression, and where that is said.
@Suite struct ExpressionSyntaxTests {
    @Test(
        arguments: [
            ("", 0, "found the end"), ("   ", 3, "found the end"), ("1 +", 3, "found the end"),
            ("a b", 2, "expected an operator"), ("(a", 2, "expected \")\""), ("a)", 1, "expected an operator"),
            ("'abc", 0, "no closing quote"), ("\"abc", 0, "no closing quote"), ("\"\"", 0, "empty"),
            ("12abc", 0, "number"), ("1.2.3", 0, "number"), ("a -- b", 2, "comments"), ("a /* b */", 2, "comments"),
            ("a ; b", 2, "no meaning"), ("a @> b", 2, "no meaning"), ("a << b", 3, "expected a value"),
            ("a < b < c", 6, "parentheses"), ("a IS NULL IS NULL", 10, "parentheses"),
            ("a LIKE b LIKE c", 9, "parentheses"), ("a = NOT b", 4, "NOT binds less"),
            ("a IN ()", 6, "expected a value"), ("a IN (select 1)", 6, "query"), ("a IN 1", 5, "expected \"(\""),
            ("a BETWEEN 1", 11, "expected AND"), ("a IS 5", 5, "expected NULL"), ("a IS DISTINCT b", 14, "FROM"),
            ("a LIKE 'x' ESCAPE '!'", 11, "ESCAPE"), ("case end", 5, "expected a value"),
            ("case when a then 1", 18, "expected END"), ("case a else 1 end", 7, "expected WHEN"),
            ("a::money", 3, "no cast to money"), ("a::", 3, "expected a type"), ("a::numeric(10,2)", 10, "precision"),
            ("cast(a text)", 7, "expected AS"), ("a COLLATE \"de\"", 10, "only collation"),
            ("t.a", 1, "without its table"),
            ("a[1]", 1, "elements"), ("now()", 0, "not the same"), ("current_date", 0, "not the same"),
            ("user = 'x'", 0, "not the same"), ("where", 0, "expected a value"), ("(a, b)", 2, "row of several"),
            ("extract(1 from a)", 8, "field"), ("extract(year a)", 13, "FROM"), ("a AND", 5, "found the end"),
            ("length(a", 8, "expected \")\""), ("é + ", 4, "found the end"), ("'日本' || ;", 8, "no meaning"),
            ("- - - a b", 8, "expected an operator"), ("a NOT b", 2, "expected an operator"),
        ] as [(String, Int, String)])
    func aMistakeIsPointedAt(text: String, offset: Int, message: String) {
        let error = #expect(throws: ExpressionError.self) { try Expression(parsing: text) }
        #expect(error?.offset == offset)
        #expect(error?.message.contains(message) == true, "\(error?.message ?? "")")
        #expect(error?.pointer.hasSuffix("^") == true)
    }

    @Test func theCaretStandsUnderThePlace() throws {
        let one = #expect(throws: ExpressionError.self) { try Expression(parsing: "'日本' || ;") }
        #expect(one?.pointer == "'日本' || ;\n        ^")
        let two = #expect(throws: ExpressionError.self) { try Expression(parsing: "a +\n\tb c\n+ d") }
        #expect(two?.pointer == " b c\n   ^")
        let long = #expect(throws: ExpressionError.self) {
            try Expression(parsing: String(repeating: "a + ", count: 50) + "; " + String(repeating: "a", count: 200))
        }
        #expect(long?.offset == 200)
        let lines = try #require(long?.pointer.split(separator: "\n"))
        #expect(lines[0].count == 80 && lines[1].count == 61 && Array(lines[0])[60] == ";")
    }

    @Test func theFirstLineOfAFailureIsComplete() {
        let error = #expect(throws: ExpressionError.self) { try Expression(parsing: "amount >> 0") }
        let failure = error?.failure(in: "where of public.orders")
        #expect(failure?.kind == .configuration)
        #expect(
            failure?.message == "where of public.orders: expected a value, found \">\", at character 9")
        #expect(failure?.hint == "See \"Expressions\" in docs/mapping.md.\n    amount >> 0\n            ^")
    }

    @Test func whatIsTooLargeOrTooDeepIsRefused() throws {
        let large = #expect(throws: ExpressionError.self) {
            try Expression(parsing: String(repeating: "a", count: 10_001))
        }
        #expect(large?.message.contains("10000 bytes") == true)
        let texts = [
            String(repeating: "(", count: 101) + "a" + String(repeating: ")", count: 101),
            String(repeating: "NOT ", count: 101) + "a", String(repeating: "- ", count: 101) + "a",
            String(repeating: "a || ", count: 101) + "a", String(repeating: "length(", count: 1000),
            "a" + String(repeating: "::text", count: 101), String(repeating: "case when ", count: 200),
        ]
        for text in texts {
            let deep = #expect(throws: ExpressionError.self) { try Expression(parsing: text) }
            #expect(deep?.message.contains("100 levels") == true, "\(deep?.message ?? text)")
        }
        // Conditions side by side are one level.
        _ = try Expression(parsing: String(repeating: "a AND ", count: 1000) + "a")
        _ = try Expression(parsing: String(repeating: "a or ", count: 1000) + "a")
    }

    @Test func columnsAreFoldedAndListedOnce() throws {
        let expression = try Expression(parsing: "Amount > 0 AND \"Größe\" = 'x' or amount IN (\"a\"\"b\", date)")
        #expect(expression.columns == ["amount", "Größe", "a\"b", "date"])
        #expect(
            expression.sql
                == #""amount" > 0 and "Größe" = 'x' or "amount" in ( "a""b" , "date" )"#)
        #expect(try Expression(parsing: "date '2024-01-01' < d").columns == ["d"])
        #expect(try Expression(parsing: "left(a, 1)").sql == #"left ( "a" , 1 )"#)
        #expect(try Expression(parsing: "a COLLATE \"C\" != 'it''s'").sql == #""a" collate "C" != 'it''s'"#)
    }

    /// Whatever is cut off or put in: an error, never a trap.
    @Test func noTextIsTooOdd() {
        let text = "case a when -1.5e3 then trim(both 'x' from \"b\") else cast(c as text) || d::text end is not null"
        for index in text.indices {
            _ = try? Expression(parsing: String(text[..<index]))
            _ = try? Expression(parsing: String(text[index...]))
            for odd in ["\u{0}", "é", "(", "'", "\"", "1e", "::", "->", "\n", "not", "."] {
                var changed = text
                changed.replaceSubrange(index...index, with: odd)
                _ = try? Expression(parsing: changed)
            }
        }
    }
}
