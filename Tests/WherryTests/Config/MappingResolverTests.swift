import Model
import Testing

@testable import WherryCommand

/// From the words of the file to a mapping.
@Suite struct MappingResolverTests {
    private let salt = "0123456789abcdef"

    /// The mapping of collection `c`, and of tables that the file doesn't name.
    private func resolve(_ text: String) throws -> MappingRules {
        let file = try ConfigurationReader(environment: ["SALT": salt], file: "wherry.yaml").parse(text)
        var layer = SettingsLayer(file: file, name: "wherry.yaml")
        layer.source = Given(value: "postgres://h/db", origin: "--source")
        layer.target = Given(value: "mongodb://h/shop", origin: "--target")
        return try SettingsResolver([layer]).settings().source.rules
    }

    private let table = TableName(schema: "public", name: "t")

    @Test func everyWord() throws {
        let rules = try resolve(
            """
            defaults: { case: snake, nulls: omit, timestamp: iso, numeric_overflow: fail, unknown_type: fail }
            mask_salt: "${SALT}"
            collections:
              c:
                from: public.t
                id: "${a}:${b}"
                drop: [x]
                rename: { y: in.y }
                case: camel
                out_of_range: dead_letter
                timestamp: { s: date, t: int64_micros }
                numeric_overflow: { t: string }
                unknown_type: { t: dead_letter }
                where: a > 0 AND b <> '$x'
                compute: { "in.z": a + b, w: "'${c}'" }
                type: { n: int64_micros }
                mask: { m: sha256, o: null, p: "null", q: last4, r: redact }
            """)
        var expected = CollectionMapping()
        expected.id = .template("${a}:${b}")
        expected.columns = .drop(["x"])
        expected.rename = ["y": "in.y"]
        expected.fieldCase = .camel
        expected.nulls = .omit
        expected.types = ["n": .int64Micros]
        expected.masks = ["m": .sha256(Mask.Salt(salt)), "o": .null, "p": .null, "q": .last4, "r": .redact]
        expected.policies.timestamp = .iso
        expected.policies.numericOverflow = .fail
        expected.policies.unknownType = .fail
        expected.policies.outOfRange = .deadLetter
        expected.columnPolicies = ["s": ColumnPolicies(), "t": ColumnPolicies()]
        expected.columnPolicies["s"]?.timestamp = .date
        expected.columnPolicies["t"]?.timestamp = .int64Micros
        expected.columnPolicies["t"]?.numericOverflow = .string
        expected.columnPolicies["t"]?.unknownType = .deadLetter
        expected.filter = "a > 0 AND b <> '$x'"
        expected.computed = [.init(path: "in.z", expression: "a + b"), .init(path: "w", expression: "'${c}'")]
        #expect(rules.mapping(of: table, into: "c") == expected)
        var standard = CollectionMapping()
        standard.fieldCase = .snake
        standard.nulls = .omit
        standard.policies.timestamp = .iso
        standard.policies.numericOverflow = .fail
        standard.policies.unknownType = .fail
        #expect(rules.mapping(of: TableName(schema: "public", name: "u"), into: "u") == standard)
    }

    @Test(arguments: [
        ("id: [a, b]", DocumentID.columns(["a", "b"])), ("id: wrapped", .wrapped), ("id: single", .key),
        ("keep: [a]", .key),
    ])
    func ids(text: String, id: DocumentID) throws {
        #expect(try resolve("collections: { c: { from: public.t, \(text) } }").mapping(of: table, into: "c").id == id)
    }

    @Test(arguments: [
        ("collections: { c: { from: public.t, keep: [a], drop: [b] } }", "has both 'keep' and 'drop'"),
        ("collections: { c: { from: public.t, mask: { a: sha256 } } }", "there is no 'mask_salt'"),
        ("mask_salt: short\ncollections: { c: { from: public.t, mask: { a: sha256 } } }", "fewer than 16 bytes"),
        ("collections: { c: { from: public.t, mask: { a: md5 } } }", "'collections.c.mask.a' in wherry.yaml is 'md5'"),
        ("collections: { c: { from: public.t, case: Camel } }", "'collections.c.case' in wherry.yaml is 'Camel'"),
        (
            "collections: { c: { from: public.t, type: { a: text } } }",
            "'collections.c.type.a' in wherry.yaml is 'text'"
        ),
        (
            "collections: { c: { from: public.t, timestamp: { a: text } } }",
            "'collections.c.timestamp.a' in wherry.yaml is 'text'"
        ),
        ("defaults: { nulls: drop }", "'defaults.nulls' in wherry.yaml is 'drop'"),
    ])
    func refusals(text: String, message: String) {
        let failure = #expect(throws: Failure.self) { try resolve(text) }
        #expect(failure?.kind == .configuration && failure?.message.contains(message) == true)
        #expect(failure?.hint?.isEmpty == false)
    }
}
