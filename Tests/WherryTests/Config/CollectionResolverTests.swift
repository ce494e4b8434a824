import Model
import Testing

@testable import WherryCommand

@Suite struct CollectionResolverTests {
    private func layer(_ collections: [String: ConfiguredCollection]?, tables: [String]? = nil) -> SettingsLayer {
        var layer = SettingsLayer()
        layer.source = Given(value: "postgres://h/db", origin: "--source")
        layer.target = Given(value: "mongodb://h/shop", origin: "--target")
        layer.exclude = Given(value: ["public.orders"], origin: "--exclude")
        layer.collections = collections.map { Given(value: $0, origin: "wherry.yaml") }
        layer.tables = tables.map { Given(value: $0, origin: "--tables") }
        return layer
    }

    private func resolve(_ collections: [String: ConfiguredCollection]?, tables: [String]? = nil) throws -> Settings {
        try SettingsResolver([layer(collections, tables: tables)]).settings()
    }

    private let orders = TableName(schema: "public", name: "orders")
    private let items = TableName(schema: "sales", name: "items")

    @Test func tablesAndTheirCollections() throws {
        let source = try resolve([
            "Orders.all": .init(from: "public.orders", lastModified: "updated_at", dualWrite: true),
            "lines": .init(from: "sales.items", lastModified: "Changed At"),
        ]).source
        #expect(source.tables == [orders, items] && !source.picksTables)
        #expect(source.schemas == ["public", "sales"] && source.excluded.isEmpty)
        #expect(source.collection(orders) == "Orders.all" && source.collection(items) == "lines")
        let orders = source.collections?[orders]?.first?.lastModified
        #expect(orders == LastModified(column: "updated_at", isDualWritten: true))
        #expect(source.collections?[items]?.first?.lastModified == LastModified(column: "Changed At"))
    }

    @Test func withoutTheSectionEveryTableIsAsItIs() throws {
        let source = try resolve(nil).source
        #expect(source.tables == nil && source.collections == nil && source.excluded == [orders])
        #expect(source.collection(items) == "sales_items")
    }

    @Test func aSubsetByFlag() throws {
        let collections: [String: ConfiguredCollection] = [
            "a": .init(from: "public.orders"), "b": .init(from: "sales.items"),
        ]
        let source = try resolve(collections, tables: ["sales.items"]).source
        #expect(source.tables == [items] && source.picksTables && source.collection(items) == "b")
        let stranger = failure { try resolve(collections, tables: ["public.c", "sales.items"]) }
        #expect(stranger?.message == "--tables names public.c, which 'collections' in wherry.yaml doesn't")
    }

    /// `wherry drop OTHER` with this file: its tables are not the other's.
    @Test func theyAreThoseOfTheFilesOwnPipeline() throws {
        let resolver = SettingsResolver([layer(["a": .init(from: "nonsense")])])
        #expect(try resolver.settings(pipeline: "other").source.collections == nil)
        #expect(throws: Failure.self) { try resolver.settings(pipeline: "shop") }
    }

    @Test func aTableMayHaveSeveral() throws {
        let rules = try SettingsResolver([
            layer(["b": .init(from: "public.x"), "a": .init(from: "public.x", drop: ["y"])])
        ]).settings(pipeline: "shop").source.rules
        let table = TableName(schema: "public", name: "x")
        #expect(rules.parts(of: table).map(\.collection) == ["a", "b"])
        #expect(rules.mapping(of: table, into: "a") != rules.mapping(of: table, into: "b"))
    }

    @Test(
        arguments: [
            ([:], "'collections' in wherry.yaml names no table"),
            (["a": .init()], "'collections.a' in wherry.yaml has no 'from'"),
            (["a": .init(from: "orders")], "'collections.a.from' in wherry.yaml is 'orders', which is no schema.table"),
            (
                ["a": .init(from: "public.x"), "b": .init(from: "\"public\".x", into: "a")],
                "'collections.b' in wherry.yaml brings table public.x into collection a, as 'collections.a' does already"
            ),
            (
                ["a": .init(from: "public.x", dualWrite: true)],
                "'collections.a.dual_write' in wherry.yaml needs 'last_modified' beside it"
            ),
            (
                ["a": .init(from: "public.x", lastModified: "")],
                "'collections.a.last_modified' in wherry.yaml is '', which PostgreSQL doesn't allow as a name"
            ),
            (
                ["a$": .init(from: "public.x")],
                "'collections' in wherry.yaml has a collection whose name holds a dollar sign, which MongoDB refuses: 'a$'"
            ),
            (
                ["": .init(from: "public.x")],
                "'collections' in wherry.yaml has a collection whose name is empty, which MongoDB refuses: ''"
            ),
        ] as [([String: ConfiguredCollection], String)])
    func refused(collections: [String: ConfiguredCollection], message: String) {
        let failure = failure { try resolve(collections) }
        #expect(failure?.message == message && failure?.exitCode == .configuration && failure?.hint != nil)
    }

    static func shared(
        _ value: String, field: String = "kind", _ change: (inout ConfiguredCollection) -> Void = { _ in }
    ) -> ConfiguredCollection {
        var entry = ConfiguredCollection(
            from: value == "a" ? "public.orders" : "sales.items", into: "things", discriminator: [field: value])
        change(&entry)
        return entry
    }

    @Test func severalTablesInOneCollection() throws {
        let source = try resolve(["a": Self.shared("a"), "b": Self.shared("b")]).source
        #expect(
            source.rules.parts(of: orders).first == CollectionPart("things", Discriminator(field: "kind", value: "a")))
        #expect(
            source.rules.parts(of: items).first == CollectionPart("things", Discriminator(field: "kind", value: "b")))
        // Under its own name, beside one that goes there too; and one alone, to be joined later.
        let own = try resolve(["things": Self.shared("a") { $0.into = nil }, "b": Self.shared("b")]).source
        #expect(own.collection(orders) == "things" && own.collection(items) == "things")
        #expect(try resolve(["b": Self.shared("b")]).source.collection(items) == "things")
    }

    @Test(
        arguments: [
            (
                CollectionResolverTests.shared("b") { $0.discriminator = nil },
                "collection things, as 'collections.a' does, and has no"
            ),
            (
                CollectionResolverTests.shared("b", field: "type"),
                "collection things, as 'collections.a' does, and calls its discriminator 'type', not"
            ),
            (CollectionResolverTests.shared("Á"), "has the same discriminator, but for case and accents at most: 'Á'"),
            (
                CollectionResolverTests.shared("b") { $0.lastModified = "at" },
                "says something else of 'last_modified' or 'dual_write'"
            ),
            (CollectionResolverTests.shared("b") { $0.indexes = ["n": .init(keys: ["x"])] }, "has another index 'n'"),
            (
                CollectionResolverTests.shared("b") {
                    $0.nulls = "omit"
                    $0.indexes = ["m": .init(keys: ["x"], sparse: true)]
                }, "has other 'nulls', and an index of the collection is sparse"
            ),
            (
                CollectionResolverTests.shared("b") { $0.discriminator = [:] },
                "'collections.b.discriminator' in wherry.yaml has 0 fields"
            ),
            (CollectionResolverTests.shared("b") { $0.discriminator = ["a": "1", "b": "2"] }, "has 2 fields"),
            (CollectionResolverTests.shared("b", field: "_id"), "names field '_id', which is no plain name"),
            (CollectionResolverTests.shared("b", field: "a.b"), "names field 'a.b', which is no plain name"),
            (CollectionResolverTests.shared("b", field: "$a"), "names field '$a', which is no plain name"),
            (CollectionResolverTests.shared(""), "has a value of 0 bytes"),
        ] as [(ConfiguredCollection, String)])
    func cantShare(_ entry: ConfiguredCollection, _ words: String) {
        let first = Self.shared("a") { $0.indexes = ["n": .init(keys: ["y"])] }
        let failure = failure { try resolve(["a": first, "b": entry]) }
        #expect(failure?.message.contains(words) == true, "\(failure?.message ?? "nothing")")
        #expect(failure?.exitCode == .configuration && failure?.hint != nil)
    }

    @Test(arguments: ["system.x", ".x", "a\0b", String(repeating: "x", count: 192)])
    func collectionNames(name: String) {
        #expect(failure { try resolve([name: .init(from: "public.x")]) }?.exitCode == .configuration)
    }
}

extension Settings.Source {
    /// Of a table that has one.
    fileprivate func collection(_ table: TableName) -> String? {
        let parts = rules.parts(of: table)
        return parts.count == 1 ? parts[0].collection : nil
    }
}
