import BSON
import Model
import Testing

@testable import Replication

/// What a running stream makes of announcements and messages that tell of changes.
@Suite struct SchemaWatchTests {
    private let oid: UInt32 = 7
    private let name = TableName(schema: "public", name: "t")

    private func shape(_ columns: [String], from first: Int = 1) -> TableShape {
        TableShape(
            oid: oid,
            columns: columns.enumerated().map {
                TableShape.Column(number: $0.offset + first, name: $0.element, type: "text", modifier: -1)
            })
    }

    private func version(_ columns: [String], name: String = "t") -> TableVersion {
        let text = PostgresType(oid: 25, name: "text", shape: .base)
        return TableVersion(
            schema: TableSchema(
                oid: oid, name: TableName(schema: "public", name: name),
                columns: columns.map { Column(name: $0, type: text, isIdentity: $0 == "id") },
                replicaIdentity: .primaryKey))
    }

    /// A watch over `t (id, n)`, covered to position 100, with this catalogue.
    private func watch(
        _ policy: SchemaChangePolicy, showing columns: [String] = ["id", "n"], from first: Int = 1,
        named shown: String = "t", notes: SchemaNotes = SchemaNotes()
    ) -> SchemaWatch {
        let fixture = PipelineFixture()
        fixture.leave(.streaming)
        var state = TableState(table: name, collection: "t", keyColumns: ["id"], wasEmpty: true)
        state.shape = shape(["id", "n"])
        state.coveredTo = LSN(rawValue: 100)
        fixture.store.change { [state] in $0.tables["p"] = [state] }
        var settings = fixture.settings
        settings.schemaChanges = policy
        let schema = TableSchema(
            oid: oid, name: TableName(schema: "public", name: shown), columns: [], replicaIdentity: .primaryKey)
        let catalogue = CatalogueTable(
            table: SourceTable(schema: schema, primaryKey: ["id"]), shape: shape(columns, from: first), refusal: nil,
            isChosen: true)
        let ports = fixture.ports
        return SchemaWatch(
            settings: settings,
            ports: PipelinePorts(
                source: ports.source, target: ports.target, store: ports.store, ranges: ports.ranges, sink: ports.sink,
                makeCopySinks: ports.makeCopySinks, catalogTables: ports.catalogTables, catalogue: { [catalogue] }),
            state: fixture.stored!, tables: [state],
            settled: SettledTables(held: [], outsiders: [], leaving: [], awaitsWholeTransaction: false, unsettled: []),
            notes: notes,
            progress: fixture.progress,
            logger: fixture.logger)
    }

    private let later = LSN(rawValue: 101)

    @Test func whatIsAsItWasGoesOn() async throws {
        for policy in SchemaChangePolicy.allCases {
            let watch = watch(policy)
            for _ in 1...2 { #expect(try await watch.look(at: version(["id", "n"]), committing: later) == .goOn) }
        }
    }

    /// What a transaction before the position brings in another form is read again anyway.
    @Test func olderFormsGoOn() async throws {
        for policy in SchemaChangePolicy.allCases {
            let watch = watch(policy)
            #expect(try await watch.look(at: version(["id", "old"]), committing: LSN(rawValue: 100)) == .goOn)
        }
    }

    /// Also when the catalogue has the old form again.
    @Test func aNewFormIsActedUpon() async throws {
        let notes = SchemaNotes()
        let changed = version(["id", "n", "x"])
        let restart = await #expect(throws: Failure.self) {
            try await watch(.follow, notes: notes).look(at: changed, committing: later)
        }
        #expect(restart?.kind == .typeChanged && notes.contains(oid))
        let end = await #expect(throws: Failure.self) { try await watch(.fail).look(at: changed, committing: later) }
        #expect(end?.exitCode == .configuration)
        guard case .hold(let reason) = try await watch(.pause).look(at: changed, committing: later) else {
            Issue.record("it goes on")
            return
        }
        #expect(reason.contains("--accept-schema-change public.t"))
    }

    /// A later announcement of the same form: what it can't show is looked for, and what it would show is still to come.
    @Test func aSecondAnnouncementIsLookedInto() async throws {
        let anew = watch(.pause, showing: ["id", "n"], from: 3)
        #expect(try await anew.look(at: version(["id", "n"]), committing: later) == .goOn)
        #expect(try await anew.look(at: version(["id", "n"]), committing: later) != .goOn)
        let toCome = watch(.pause, showing: ["id", "n", "x"])
        for _ in 1...2 { #expect(try await toCome.look(at: version(["id", "n"]), committing: later) == .goOn) }
    }

    @Test func aNewNameStartsTheStreamAgain() async throws {
        for policy in SchemaChangePolicy.allCases {
            let failure = await #expect(throws: Failure.self) {
                try await watch(policy, named: "u").look(at: version(["id", "n"], name: "u"), committing: later)
            }
            #expect(failure?.kind == .typeChanged)
        }
        // Settled already: it only stands in the log under another one.
        #expect(try await watch(.follow).look(at: version(["id", "n"], name: "old"), committing: later) == .goOn)
    }

    @Test func messagesOfTheSource() async throws {
        func message(_ text: String, at lsn: UInt64 = 101) -> LogicalMessage {
            LogicalMessage(
                lsn: LSN(rawValue: lsn), isTransactional: true, prefix: DDLMessage.prefix, content: Array(text.utf8))
        }
        let rewritten = #"{"tag": "ALTER TABLE", "identity": "public.t", "rewritten": 7}"#
        let notes = SchemaNotes()
        let failure = await #expect(throws: Failure.self) {
            try await watch(.follow, notes: notes).look(at: message(rewritten))
        }
        #expect(failure?.kind == .typeChanged && notes.contains(oid))
        #expect(try await watch(.pause).look(at: message(rewritten)) != .goOn)
        // It is covered, concerns another table, or is none.
        #expect(try await watch(.follow).look(at: message(rewritten, at: 99)) == .goOn)
        #expect(try await watch(.follow).look(at: message(rewritten.replacing("7", with: "8"))) == .goOn)
        #expect(try await watch(.follow).look(at: message("nonsense")) == .goOn)
        // It makes the catalogue be looked at.
        let altered = message(#"{"tag": "ALTER TABLE", "identity": "public.t"}"#)
        await #expect(throws: Failure.self) { try await watch(.follow, showing: ["id"]).look(at: altered) }
        #expect(try await watch(.follow).look(at: altered) == .goOn)
    }

    @Test func whoWouldJoin() {
        func table(_ name: String, oid: UInt32, isChosen: Bool = true) -> CatalogueTable {
            let schema = TableSchema(
                oid: oid, name: TableName(schema: "public", name: name), columns: [], replicaIdentity: .primaryKey)
            return CatalogueTable(
                table: SourceTable(schema: schema, primaryKey: []), shape: TableShape(oid: oid, columns: []),
                refusal: nil, isChosen: isChosen)
        }
        var member = TableState(table: name, collection: "t", keyColumns: ["id"], wasEmpty: true)
        member.shape = TableShape(oid: 1, columns: [])
        var joining = TableState(
            table: TableName(schema: "public", name: "j"), collection: "j", keyColumns: ["id"], wasEmpty: true)
        joining.membership = .joining
        let found = Outsider.find(
            [
                table("renamed", oid: 1), table("new", oid: 2), table("j", oid: 3, isChosen: false),
                table("out", oid: 4), table("other", oid: 5, isChosen: false), table("gone", oid: 6),
            ], [member, joining],
            left: [
                LeftTable(table: TableName(schema: "public", name: "out"), isOrdered: true),
                LeftTable(table: TableName(schema: "public", name: "gone"), isOrdered: false),
            ], published: [TableName(schema: "public", name: "new")], rules: MappingRules(),
            joinsBy: \.isChosen)
        #expect(Set(found.map(\.table.name)) == ["new", "j", "gone"])
        #expect(found.first { $0.table.name == "new" }?.isPublished == true)
    }
}
