import Foundation
import Model
import Postgres
import Testing

@testable import WherryCommand

@Suite struct ConfigurationDraftTests {
    private static let tables = [
        CatalogSample.table(
            "orders", oid: 2, key: ["tenant", "no"], nullable: ["note"], rows: 1200, generated: ["total"],
            [
                ("tenant", CatalogSample.int4), ("no", CatalogSample.int4), ("note", CatalogSample.text),
                ("price", CatalogSample.numeric), ("placed_at", CatalogSample.timestamptz),
                ("updated_at", CatalogSample.timestamptz),
            ]),
        CatalogSample.people,
        CatalogSample.table("audit.log", schema: "my.schema", [("id", CatalogSample.int4)]),
        CatalogSample.table("a$b\nc: d", schema: "Odd \"one\"", [("id", CatalogSample.int4)]),
        CatalogSample.table("true", [("id", CatalogSample.int4)]),
        CatalogSample.table("volatile", refusal: "an unlogged table", [("id", CatalogSample.int4)]),
        CatalogSample.table("points", [("id", CatalogSample.texts)]),
    ]

    private static let indexes: [UInt32: [CatalogIndex]] = [
        2: [
            CatalogSample.index("by_place", "-placed_at", "tenant"),
            CatalogSample.index("twin", "-placed_at", "tenant"),
            CatalogSample.index("odd: name #1", "note", isUnique: true), CatalogSample.index("lowered", nil),
        ]
    ]

    private var draft: ConfigurationDraft {
        ConfigurationDraft(source: "postgres://db:5432/shop", tables: Self.tables, indexes: Self.indexes)
    }

    private func settings() throws -> [TableName: CollectionSettings] {
        let file = try ConfigurationReader(environment: [:], file: "draft").parse(draft.text)
        var layer = SettingsLayer(file: file, name: "draft")
        layer.source = Given(value: "postgres://db/shop", origin: "")
        layer.target = Given(value: "mongodb://m/shop", origin: "")
        return try #require(try SettingsResolver([layer]).settings().source.collections).compactMapValues(\.first)
    }

    /// What it says of tables is what a pipeline without a file would do.
    @Test func readsBackAsTheTables() throws {
        let settings = try settings()
        #expect(Set(settings.keys) == Set(Self.tables.prefix(5).map(\.name)))
        for table in [Self.tables[0], Self.tables[1], Self.tables[4]] {
            #expect(settings[table.name]?.collection == table.name.name)
            #expect(settings[table.name]?.mapping == CollectionMapping())
        }
        #expect(settings[Self.tables[2].name]?.collection == "my.schema_audit.log")
        // MongoDB takes no dollar sign.
        #expect(settings[Self.tables[3].name]?.collection == "t_Odd__one__a_b_c__d")
    }

    @Test func readsBackWithItsIndexes() throws {
        let indexes = try #require(try settings()[Self.tables[0].name]?.indexes)
        #expect(indexes.map(\.name) == ["by_place", "odd: name #1"])
        #expect(indexes[0].keys == [.init("placed_at", isDescending: true), .init("_id.tenant")])
        #expect(indexes[1].isUnique && indexes[1].isSparse)
    }

    @Test func everyDecisionHasAComment() {
        let lines = draft.text.split(separator: "\n").map { $0.trimmingCharacters(in: .whitespaces) }
        for start in [
            "# public.orders, about 1200 rows; _id is a document of tenant, no",
            "# placed_at, updated_at: dates, cut to milliseconds",
            "# price: decimal128; a number of more than 34 digits",
            "# `last_modified: updated_at` keeps documents",
            "# generated columns are left out: total",
            "# no index twin: it is the same as by_place", "# no index lowered: it is on an expression",
            "#   public.volatile is an unlogged table",
            "#   key column id of table public.points has type text[]",
        ] {
            #expect(lines.contains { $0.hasPrefix(start) }, "\(start)\n\(draft.text)")
        }
        // Whatever is in a name stays in its line.
        #expect(!lines.contains { $0.hasPrefix("c: d") })
    }

    /// What `check` would warn of isn't drafted.
    @Test func uniqueOnesThatTheMappingCannotKeep() throws {
        let indexes: [UInt32: [CatalogIndex]] = [
            1: [
                CatalogSample.index("by_date", "deleted_at", isUnique: true),
                CatalogSample.index("by_data", "data", isUnique: true),
                CatalogSample.index("by_mail", "email", isUnique: true),
                CatalogSample.index("by_name", "id", "nick", isUnique: true),
            ]
        ]
        let text = ConfigurationDraft(source: "", tables: [CatalogSample.people], indexes: indexes).text
        for line in [
            "by_date: { keys: [deleted_at] }", "by_data: { keys: [data] }",
            "# unique in PostgreSQL, and not here: different values of deleted_at may become the same",
            "# unique in PostgreSQL, and not here: data may hold an array",
            "by_mail: { keys: [email], unique: true, sparse: true }",
            "by_name: { keys: [_id, nick], unique: true, sparse: true, collation: ",
        ] {
            #expect(text.contains(line), "\(text)")
        }
    }

    /// Words that readers of YAML take for something else come back as they are.
    @Test(arguments: [
        "inf", "-inf", "NaN", "true", "-true", "5", "1e3", "-x", "a b", "2024-01-31", "null", "~", "$$a", "é",
    ])
    func wordsReadBack(_ word: String) throws {
        let condition = "\(YAMLText.word("k" + word)): \(YAMLText.value(word))"
        let yaml = "collections: { c: { indexes: { i: { where: { \(condition) } } } } }"
        let file = try ConfigurationReader(environment: [:], file: "draft").parse(yaml)
        let conditions = file.collections?["c"]?.indexes?["i"]?.conditions
        #expect(conditions == ["k" + word: .text(word)], "\(yaml)")
    }

    /// `collections:` alone would be every table.
    @Test func nothingToReplicate() {
        let tables = [Self.tables[6], Self.tables[5]]
        #expect(ConfigurationDraft(source: "", tables: tables, indexes: [:]).isEmpty && !draft.isEmpty)
    }

    @Test func namesDoNotMeet() {
        let tables = [
            CatalogSample.table("b", schema: "a", [("id", CatalogSample.int4)]),
            CatalogSample.table("a_b", [("id", CatalogSample.int4)]),
        ]
        let text = ConfigurationDraft(source: "", tables: tables, indexes: [:]).text
        #expect(text.contains("  a_b:\n    from: a.b\n") && text.contains("  a_b_2:\n    from: public.a_b\n"))
    }
}
