import Model
import Postgres
import Testing

@Suite("What wal2json is asked for, and what its lines leave open")
struct Wal2JSONOptionsTests {
    @Test(arguments: [
        ("public", "orders_2", "public.orders_2"), ("my.schema", "a,b c", #"my\.schema.a\,b\ c"#),
        ("*", "*", #"\*.\*"#), (#"back\slash"#, "tab\t'\"", "back\\\\slash.tab\\\t\\'\\\""), ("É", "größe", "É.größe"),
        // Each of them one character.
        (",\u{301}", "a\u{301}.\u{308}", "\\,\u{301}.a\u{301}\\.\u{308}"),
    ])
    func patterns(schema: String, name: String, pattern: String) {
        #expect(Wal2JSONOptions.pattern(TableName(schema: schema, name: name)) == pattern)
    }

    @Test func optionsAreSQL() {
        let options = Wal2JSONOptions.list(
            excluding: [TableName(schema: "a", name: "it's"), TableName(schema: "b", name: "c")], numbersAsStrings: true
        )
        #expect(options.contains("\"format-version\" '2'"))
        #expect(options.contains("\"numeric-data-types-as-string\" '1'"))
        #expect(options.last?.hasPrefix("\"filter-tables\" ") == true)
        #expect(
            Wal2JSONOptions.list(excluding: [], numbersAsStrings: false).allSatisfy {
                !$0.contains("filter-tables") && !$0.contains("numeric")
            })
    }

    private func sent(_ names: String...) -> [WireRelation.Column] {
        names.map { WireRelation.Column(name: $0, typeOID: 23, typeModifier: -1, isIdentity: false) }
    }

    /// id, note (may lie outside of the row), twice (generated), more (text), number.
    private let known = [
        ("id", false, false), ("note", true, false), ("twice", false, true), ("more", true, false),
        ("number", false, false),
    ].map { name, isToastable, isGenerated in
        LineColumns.Known(
            name: name, typeOID: isToastable ? 25 : 20, isGenerated: isGenerated, isToastable: isToastable,
            isIdentity: name == "id")
    }

    @Test(arguments: [
        (WireRelation.Extent.whole, ["id", "note", "twice"], ["id", "note"]),
        // What was not sent and can't lie outside of a row was not there.
        (.withoutToast, ["id", "twice"], ["id", "note", "more"]),
        (.withoutToast, ["id", "old", "number"], ["id", "old", "note", "more", "number"]),
        (.identity, ["id"], ["id", "note", "more", "number"]), (.identity, [], ["id", "note", "more", "number"]),
        (.whole, ["old", "id"], ["old", "id"]),
    ])
    func columnsOfALine(extent: WireRelation.Extent, names: [String], columns: [String]) {
        let merged = LineColumns.merge(names.flatMap { sent($0) }, known, extent: extent)
        #expect(merged.map(\.name) == columns)
        // Of what is not there any more any column of a whole row may have been the key.
        let isWhole = extent == .whole
        #expect(merged.allSatisfy { $0.isIdentity == ($0.name == "id" || isWhole && $0.name == "old") })
        #expect(merged.first { $0.name == "id" }?.typeOID == (names.contains("id") ? 23 : 20))
    }

    @Test func ofATableThatIsGone() {
        let whole = LineColumns.merge(sent("id", "b"), nil, extent: .whole)
        #expect(whole.map(\.name) == ["id", "b"] && whole.allSatisfy { $0.isIdentity })
        #expect(LineColumns.merge(sent("id"), nil, extent: .withoutToast).map(\.name) == ["id", ""])
    }

    @Test func generatedColumnsThatAreGone() {
        let merged = LineColumns.merge(sent("id", "old", "note"), known, extent: .whole, generated: ["old"])
        #expect(merged.map(\.name) == ["id", "note"])
    }

    @Test(arguments: [
        ("", false), ("*", true), ("FIRST 2 (a, *)", true), ("ANY 1 (a, \"Wherry Shop\")", true),
        ("\"wherry shopping\", wherry", false), ("wherry shop", false), ("\"*\"", true),
    ])
    func synchronousStandbys(names: String, isMeant: Bool) {
        let finding = Wal2JSONLimits.synchronousStandby(names, application: "wherry shop")
        #expect((finding != nil) == isMeant)
    }
}
