import BSON
import Model
import Testing

@testable import WherryCommand

@Suite struct IndexResolverTests {
    private func indexes(_ yaml: String) throws -> [CollectionIndex] {
        let text = "collections: { c: { from: public.t, indexes: \(yaml) } }"
        let file = try ConfigurationReader(environment: [:], file: "w.yaml").parse(text)
        return try IndexResolver(file: "w.yaml", path: "collections.c").indexes(file.collections?["c"]?.indexes)
    }

    @Test func everythingThatCanBeSaid() throws {
        let found = try indexes(
            """
            { b: { keys: [x] }, a: { keys: [-d.e, f], unique: true, sparse: true,
              where: { s: open, n: 5, t: true, z: null, q: "5", r: "5.5", u: "inf" }, collation: { locale: en } } }
            """)
        #expect(found.map(\.name) == ["a", "b"])
        #expect(found[0].keys == [.init("d.e", isDescending: true), .init("f")])
        #expect(found[0].isUnique && found[0].isSparse && !found[1].isUnique && !found[1].isSparse)
        #expect(
            found[0].conditions == [
                .init(path: "n", value: 5), .init(path: "q", value: "5"), .init(path: "r", value: "5.5"),
                .init(path: "s", value: "open"), .init(path: "t", value: true), .init(path: "u", value: "inf"),
                .init(path: "z", value: nil),
            ])
        #expect(found[0].collation == .init(locale: "en", strength: 3))
    }

    @Test(arguments: [
        ("{ a: {} }", "'collections.c.indexes.a.keys' in w.yaml names no field"),
        ("{ a: { keys: [x, -x] } }", "'collections.c.indexes.a.keys' in w.yaml names x twice"),
        ("{ a: { keys: [x..y] } }", "has 'x..y', which is no path"),
        ("{ a: { keys: [$x] } }", "has '$x', which is no path"),
        ("{ a: { keys: [x], where: { $y: 1 } } }", "'collections.c.indexes.a.where' in w.yaml has '$y'"),
        (
            "{ a: { keys: [x], where: { y: 5.5 } } }",
            "'collections.c.indexes.a.where.y' must be text (a fraction in quotes)"
        ),
        ("{ a: { keys: [x], where: { y: 99999999999999999999 } } }", "a.where.y' must be text"),
        ("{ _id_: { keys: [x] } }", "an index that can't be called '_id_'"),
        ("{ a: { keys: [x], collation: {} } }", "'collections.c.indexes.a.collation.locale' in w.yaml is missing"),
        ("{ a: { keys: [x], collation: { locale: en, strength: 6 } } }", "collation.strength' in w.yaml is 6"),
        ("{ a: { keys: [x], uniqe: true } }", "unknown key 'collections.c.indexes.a.uniqe'"),
    ])
    func whatIsWrong(_ yaml: String, message: String) {
        let refusal = failure { try indexes(yaml) }
        #expect(refusal?.kind == .configuration && refusal?.message.contains(message) == true, "\(refusal as Any)")
        #expect(refusal?.hint != nil)
    }
}
