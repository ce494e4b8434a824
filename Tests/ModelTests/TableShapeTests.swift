import Model
import Testing

/// What counts as a change of a table's columns, and what the stream can tell of it.
@Suite struct TableShapeTests {
    private func shape(_ columns: (Int, String, String, Int32)..., oid: UInt32 = 1) -> TableShape {
        TableShape(
            oid: oid,
            columns: columns.map { TableShape.Column(number: $0.0, name: $0.1, type: $0.2, modifier: $0.3) })
    }

    @Test func whatDocumentsAreTheSameFor() {
        let before = shape((1, "id", "integer", -1), (2, "name", "character varying", 24))
        #expect(before.changes(since: before) == [])
        for (type, modifier) in [("character varying", Int32(44)), ("character varying", -1), ("text", -1)] {
            #expect(shape((1, "id", "integer", -1), (2, "name", type, modifier)).changes(since: before) == [])
        }
    }

    @Test func whatChangesThem() {
        let before = shape((1, "id", "integer", -1), (2, "name", "text", -1), (3, "price", "numeric", 655366))
        func changes(_ now: TableShape) -> [String] { now.changes(since: before) }
        #expect(changes(shape((1, "id", "integer", -1), (2, "name", "text", -1))) == ["column price was dropped"])
        #expect(
            changes(
                shape((1, "id", "bigint", -1), (2, "full_name", "text", -1), (3, "price", "numeric", 655368)))
                == [
                    "column id is bigint, and was integer", "column name is called full_name",
                    "column price has another length or precision",
                ])
        // Dropped and added under its old name: every value is another.
        #expect(
            changes(shape((1, "id", "integer", -1), (4, "name", "text", -1), (3, "price", "numeric", 655366)))
                == ["column name was added", "column name was dropped"])
        #expect(
            changes(
                shape((1, "id", "integer", -1), (2, "name", "character varying", 14), (3, "price", "numeric", 655366)))
                == ["column name has another length or precision"])
        #expect(changes(shape((1, "id", "integer", -1), oid: 2)) == ["the table was made anew"])
    }

    private func schema(_ columns: (String, PostgresType)...) -> TableSchema {
        TableSchema(
            oid: 1, name: TableName(schema: "public", name: "t"),
            columns: columns.map { Column(name: $0.0, type: $0.1, isIdentity: false) }, replicaIdentity: .primaryKey)
    }

    private func base(_ name: String) -> PostgresType { PostgresType(oid: 1, name: name, shape: .base) }

    /// The stream says nothing of numbers, lengths and precisions.
    @Test func whatTheStreamTells() {
        let shape = shape((1, "id", "integer", -1), (7, "name", "text", -1))
        #expect(shape.agrees(with: schema(("id", base("integer")), ("name", base("character varying")))))
        #expect(!shape.agrees(with: schema(("id", base("bigint")), ("name", base("text")))))
        #expect(!shape.agrees(with: schema(("id", base("integer")), ("title", base("text")))))
        #expect(!shape.agrees(with: schema(("id", base("integer")))))
    }

    @Test func rowTypesAreTheirAttributes() {
        func place(_ names: String...) -> PostgresType {
            PostgresType(
                oid: 2, name: "public.place",
                shape: .composite(names.map { PostgresType.Attribute(name: $0, type: base("text")) }))
        }
        func list(_ part: PostgresType) -> PostgresType {
            PostgresType(oid: 3, name: "\(part.name)[]", shape: .array(element: part, delimiter: 44))
        }
        #expect(place("a", "b").form == "public.place(a text, b text)")
        #expect(list(place("a")).form != list(place("a", "b")).form)
        #expect(list(base("integer")).form == "integer[]")
        let shape = shape((1, "home", place("a").form, -1))
        #expect(shape.agrees(with: schema(("home", place("a")))))
        #expect(!shape.agrees(with: schema(("home", place("a", "b")))))
    }
}
