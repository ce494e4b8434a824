import BSON
import Mapping
import Model
import TestSupport
import Testing

/// What a collection's section of the file makes of a row.
@Suite struct CollectionMappingTests {
    static let int4 = OracleFamily.base(23, "integer")
    static let int8 = OracleFamily.base(20, "bigint")
    static let text = OracleFamily.base(25, "text")
    static let uuid = OracleFamily.base(2950, "uuid")
    static let numeric = OracleFamily.base(1700, "numeric")
    static let date = OracleFamily.base(1082, "date")
    static let jsonb = OracleFamily.base(3802, "jsonb")
    static let timestamptz = OracleFamily.base(1184, "timestamp with time zone")

    static let columns: [(name: String, type: PostgresType)] = [
        ("tenant_id", int4), ("order_no", text), ("ship_city", text), ("ship_zip", text), ("total", numeric),
        ("note", text), ("placed_at", timestamptz),
    ]
    static let row = textRow(["7", "A:1", "Kiel", nil, "12.50", nil, "2024-01-02 03:04:05.000006+00"])

    static func plan(
        _ columns: [(name: String, type: PostgresType)] = columns, key: [String] = ["tenant_id", "order_no"],
        lastModified: LastModified? = nil, change: (inout CollectionMapping) -> Void
    ) throws -> MappingPlan {
        var mapping = CollectionMapping()
        change(&mapping)
        return try MappingPlan(
            schema: testTable(columns), collection: "orders", keyColumns: key, lastModified: lastModified,
            mapping: mapping)
    }

    static func document(_ row: Row = row, _ change: (inout CollectionMapping) -> Void) throws -> BSONDocument {
        let plan = try plan(change: change)
        return try MappingPlanTests.document { try plan.encodeDocument(row, into: &$0) }
    }

    static let placedAt = BSONValue.date(1_704_164_645_000)

    @Test func renamesNestsAndChangesTheCase() throws {
        let mapped = try Self.document {
            $0.fieldCase = .camel
            $0.rename = ["ship_city": "shipping.address.city", "ship_zip": "shipping.zip", "note": "NOTE"]
        }
        #expect(
            mapped == [
                "_id": ["tenantId": 7, "orderNo": "A:1"],
                "shipping": ["address": ["city": "Kiel"], "zip": nil], "total": .decimal128(Decimal128("12.50")!),
                "NOTE": nil, "placedAt": Self.placedAt,
            ])
    }

    @Test func leavesOutNullsAndWhatIsEmptyThen() throws {
        let mapped = try Self.document {
            $0.nulls = .omit
            $0.columns = .drop(["total", "placed_at"])
            $0.rename = ["ship_zip": "a.b.zip", "note": "a.note"]
        }
        #expect(mapped == ["_id": ["tenant_id": 7, "order_no": "A:1"], "ship_city": "Kiel"])
    }

    @Test func keepsColumnsBesidesTheKey() throws {
        let mapped = try Self.document { $0.columns = .keep(["note"]) }
        #expect(mapped == ["_id": ["tenant_id": 7, "order_no": "A:1"], "note": nil])
    }

    @Test(
        arguments: [
            ("ship_to_city", "shipToCity", "ship_to_city"), ("_a_b_", "_aB_", "_a_b_"), ("__x", "__x", "__x"),
            ("orderNo", "orderNo", "order_no"), ("HTTPCode", "HTTPCode", "httpcode"), ("a__b", "aB", "a__b"),
            ("über_weg", "überWeg", "über_weg"), ("a_1", "a1", "a_1"), ("", "", ""),
        ])
    func cases(column: String, camel: String, snake: String) {
        #expect(CollectionMapping.FieldCase.camel.name(of: column) == camel)
        #expect(CollectionMapping.FieldCase.snake.name(of: column) == snake)
        #expect(CollectionMapping.FieldCase.keep.name(of: column) == column)
    }

    @Test(
        arguments: [
            ("n", "int64", int4, "5", .int64(5)), ("n", "double", int4, "5", 5.0), ("n", "string", int8, "5", "5"),
            ("n", "decimal128", int8, "-5", .decimal128(Decimal128("-5")!)), ("n", "bool", int4, "1", true),
            ("n", "int32", numeric, "17.00", 17), ("n", "int64", numeric, "9223372036854775807", .int64(.max)),
            ("n", "double", numeric, "0.1", 0.1), ("n", "string", numeric, "12.50", "12.50"),
            ("n", "iso", timestamptz, "2024-01-02 03:04:05.000006+00", "2024-01-02T03:04:05.000006Z"),
            ("n", "int64_micros", timestamptz, "2024-01-02 03:04:05.000006+00", .int64(1_704_164_645_000_006)),
            ("n", "string", timestamptz, "infinity", "infinity"), ("n", "iso", date, "2024-02-29", "2024-02-29"),
            (
                "n", "string", uuid, "00112233-4455-6677-8899-aabbccddeeff",
                "00112233-4455-6677-8899-aabbccddeeff"
            ),
        ] as [(String, String, PostgresType, String, BSONValue)])
    func types(column: String, word: String, type: PostgresType, text: String, expected: BSONValue) throws {
        let plan = try Self.plan([("id", Self.int4), ("n", type)], key: ["id"]) {
            $0.types = [column: FieldType(rawValue: word)!]
        }
        let document = try MappingPlanTests.document { try plan.encodeDocument(textRow(["1", text]), into: &$0) }
        #expect(document["n"] == expected)
        let null = try MappingPlanTests.document { try plan.encodeDocument(textRow(["1", nil]), into: &$0) }
        #expect(null["n"] == .null)
    }

    @Test(arguments: [
        (FieldType.int32, int8, "2147483648"), (.int64, numeric, "0.5"), (.bool, int4, "2"),
        (.decimal128, numeric, String(repeating: "9", count: 35)), (.int32, numeric, "NaN"),
    ])
    func whatATypeCanNotHoldIsRefused(type: FieldType, column: PostgresType, text: String) throws {
        let plan = try Self.plan([("id", Self.int4), ("n", column)], key: ["id"]) { $0.types = ["n": type] }
        var writer = BSONWriter()
        let failure = #expect(throws: Failure.self) { try plan.encodeDocument(textRow(["1", text]), into: &writer) }
        #expect(failure?.kind == .dataRefused && failure?.message.contains("column n") == true)
        #expect(failure?.message.contains(text) == false && writer.count == 0)
    }

    @Test func masksAlwaysInTheSameWay() throws {
        let mapped = try Self.document {
            $0.masks = [
                "ship_city": .sha256(Mask.Salt("0123456789abcdef")), "note": .sha256(Mask.Salt("0123456789abcdef")),
                "total": .last4, "ship_zip": .redact, "placed_at": .null,
            ]
        }
        // printf '0123456789abcdefKiel' | sha256sum
        #expect(mapped["ship_city"] == "f38773a9b640420a216b918ddc1c1a50e9e585079f9a94337ac8b18ffc36b41a")
        #expect(mapped["note"] == .null && mapped["total"] == "*2.50" && mapped["ship_zip"] == .null)
        #expect(mapped["placed_at"] == .null)
        #expect("\(Mask.sha256(Mask.Salt("0123456789abcdef")))".contains("0123") == false)
    }

    @Test func timestampsInOtherForms() throws {
        let micros = try Self.document { $0.policies.timestamp = .int64Micros }
        #expect(micros["placed_at"] == .int64(1_704_164_645_000_006))
        let iso = try Self.document { $0.policies.timestamp = .iso }
        #expect(iso["placed_at"] == "2024-01-02T03:04:05.000006Z")
        // What documents are compared by is a date.
        let plan = try Self.plan(lastModified: LastModified(column: "placed_at", isDualWritten: false)) {
            $0.policies.timestamp = .iso
            $0.types = ["placed_at": .date]
            $0.fieldCase = .camel
        }
        #expect(plan.backfillGuard == "placedAt")
        let guarded = try MappingPlanTests.document { try plan.encodeDocument(Self.row, into: &$0) }
        #expect(guarded["placedAt"] == Self.placedAt)
    }

    // MARK: - _id

    @Test func idsInEveryForm() throws {
        let inOrder = try Self.plan { $0.id = .columns(["order_no", "tenant_id"]) }
        #expect(try id(inOrder) == ["order_no": "A:1", "tenant_id": 7])
        #expect(inOrder.keyText(of: ["order_no": "A:1", "tenant_id": 7]) == ["7", "A:1"])
        let template = try Self.plan { $0.id = .template("o/${tenant_id}:${order_no}") }
        #expect(try id(template) == "o/7:A:1")
        #expect(template.keyText(of: "o/7:A:1") == ["7", "A:1"])
        #expect(template.keyText(of: "o/7:\u{301}x") == ["7", "\u{301}x"])
        for other in ["o/07:x", "o/7", "p/7:x", "o/:x", "o/-:x", "o/99999999999:x"] {
            #expect(template.keyText(of: .string(other)) == nil)
        }
        let wrapped = try Self.plan([("id", Self.uuid)], key: ["id"]) { $0.id = .wrapped }
        let row = textRow(["00112233-4455-6677-8899-aabbccddeeff"])
        let document = try MappingPlanTests.document { try wrapped.encodeDocument(row, into: &$0) }
        #expect(document["_id"]?.asDocument?["id"]?.asBinary?.count == 16)
        #expect(wrapped.keyText(of: document["_id"]!) == ["00112233-4455-6677-8899-aabbccddeeff"])
        // Made again of its text, it is the same.
        for plan in [inOrder, template] {
            let row = plan.row(ofKey: ["7", "A:1"])
            let key = try MappingPlanTests.document { try plan.encodeKey(row, into: &$0) }
            #expect(try id(plan) == key["_id"])
        }
        #expect(Set([inOrder, template, try Self.plan { _ in }].map(\.keyForms)).count == 3)
    }

    private func id(_ plan: MappingPlan) throws -> BSONValue? {
        try MappingPlanTests.document { try plan.encodeDocument(Self.row, into: &$0) }["_id"]
    }

    // MARK: - Refusals

    struct Refusal: Sendable, CustomTestStringConvertible {
        let message: String
        var hint: String?
        let change: @Sendable (inout CollectionMapping) -> Void

        init(
            _ message: String, hint: String? = nil, _ change: @escaping @Sendable (inout CollectionMapping) -> Void
        ) {
            self.message = message
            self.hint = hint
            self.change = change
        }

        var testDescription: String { message }
    }

    static let refusals: [Refusal] = [
        Refusal("'rename' of collection orders names column ship_ciyt", hint: "Did you mean ship_city?") {
            $0.rename = ["ship_ciyt": "x"]
        },
        Refusal(
            "'keep' of collection orders names column nothing",
            hint: "Its columns: \(columns.map(\.name).joined(separator: ", "))."
        ) { $0.columns = .keep(["nothing"]) },
        Refusal("and there is a field total") { $0.rename = ["note": "total"] },
        Refusal("and there is a field total") { $0.rename = ["note": "total.x"] },
        Refusal("and there is a field a") { $0.rename = ["ship_city": "a.b", "ship_zip": "a"] },
        Refusal("has a part without a name") { $0.rename = ["note": "a..b"] },
        Refusal("starts with a dollar sign") { $0.rename = ["note": "$a"] },
        Refusal("is not the key") { $0.rename = ["note": "_id"] },
        Refusal("which is in the key") { $0.columns = .drop(["order_no"]) },
        Refusal("which is in the key") { $0.masks = ["order_no": .last4] },
        Refusal("the column is in the key") { $0.rename = ["order_no": "a.b"] },
        Refusal("two columns of the key") { $0.rename = ["order_no": "tenant_id"] },
        Refusal("can't be date") { $0.types = ["note": .date] },
        Refusal("and the key of table public.t is [tenant_id, order_no]") { $0.id = .columns(["order_no"]) },
        Refusal("in which ${tenant_id} is missing") { $0.id = .template("${order_no}") },
        Refusal("side by side") { $0.id = .template("${tenant_id}${order_no}") },
        Refusal("may hold the separator") { $0.id = .template("${tenant_id}1${order_no}") },
        Refusal("has a column twice") { $0.id = .template("${tenant_id}:${order_no}:${order_no}") },
        Refusal("tenant is no column of the key") { $0.id = .template("${tenant}:${order_no}") },
        Refusal("has no '}'") { $0.id = .template("${tenant_id:${order_no") },
    ]

    @Test(arguments: refusals) func refuses(_ refusal: Refusal) {
        let failure = #expect(throws: Failure.self) { try Self.plan(change: refusal.change) }
        #expect(failure?.kind == .configuration && failure?.hint?.isEmpty == false)
        #expect(failure?.message.contains(refusal.message) == true, "\(failure?.message ?? "")")
        if let hint = refusal.hint { #expect(failure?.hint == hint) }
    }

    @Test func twoFreeTextsInATemplateAreRefused() {
        let failure = #expect(throws: Failure.self) {
            try Self.plan([("a", Self.text), ("b", Self.text)], key: ["a", "b"]) { $0.id = .template("${a}|${b}") }
        }
        #expect(failure?.message.contains("more than one of its columns may hold any text") == true)
    }

    @Test func theGuardsColumnStaysADateAtTheTop() {
        let changes: [(inout CollectionMapping) -> Void] = [
            { $0.rename = ["placed_at": "a.b"] }, { $0.columns = .drop(["placed_at"]) },
            { $0.policies.timestamp = .iso }, { $0.masks = ["placed_at": .null] }, { $0.types = ["placed_at": .iso] },
        ]
        for change in changes {
            let failure = #expect(throws: Failure.self) {
                try Self.plan(lastModified: LastModified(column: "placed_at", isDualWritten: false), change: change)
            }
            #expect(failure?.message.contains("last_modified of table public.t is placed_at") == true)
        }
    }

    @Test func everyMappingHasAFingerprintOfItsOwn() {
        let changes: [(inout CollectionMapping) -> Void] = [
            { _ in }, { $0.rename = ["a": "b"] }, { $0.rename = ["a": "c"] }, { $0.fieldCase = .camel },
            { $0.nulls = .omit }, { $0.masks = ["a": .last4] },
            { $0.masks = ["a": .sha256(Mask.Salt("0123456789abcdef"))] },
            { $0.masks = ["a": .sha256(Mask.Salt("0123456789abcdeg"))] }, { $0.types = ["a": .iso] },
            { $0.columns = .keep(["a"]) }, { $0.columns = .drop(["a"]) }, { $0.id = .wrapped }, { $0.filter = "a" },
            { $0.computed = [.init(path: "a", expression: "b")] }, { $0.policies.timestamp = .iso },
            {
                $0.columnPolicies["a"] = ColumnPolicies()
                $0.columnPolicies["a"]?.outOfRange = .fail
            },
            { $0.policies.outOfRange = .fail }, { $0.policies.numericOverflow = .fail },
            { $0.policies.unknownType = .fail },
        ]
        let prints = changes.map { change in
            var mapping = CollectionMapping()
            change(&mapping)
            #expect(mapping.fingerprint == mapping.fingerprint)
            return mapping.fingerprint
        }
        #expect(Set(prints).count == changes.count)
    }

    /// Documents don't show whether a value stops the pipeline or holds its row back, nor where that was said.
    @Test func whatMakesTheSameDocumentsHasOneFingerprint() {
        var (failing, holding, both) = (CollectionMapping(), CollectionMapping(), CollectionMapping())
        failing.policies.outOfRange = .fail
        holding.policies.outOfRange = .deadLetter
        both.policies.outOfRange = .fail
        both.columnPolicies["a"] = ColumnPolicies()
        both.columnPolicies["a"]?.outOfRange = .deadLetter
        #expect(failing.fingerprint == holding.fingerprint && failing.fingerprint == both.fingerprint)
        both.columnPolicies["a"]?.outOfRange = .string
        #expect(failing.fingerprint != both.fingerprint)
        var one = CollectionMapping()
        one.columnPolicies["a"] = both.columnPolicies["a"]
        #expect(one.fingerprint == CollectionMapping().fingerprint)
    }
}
