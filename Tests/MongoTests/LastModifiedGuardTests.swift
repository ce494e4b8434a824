import BSON
import Model
import Mongo
import TestSupport
import Testing

/// The guard against what an application writes itself, on every way a document can go.
@Suite(.onServers) struct LastModifiedGuardTests {
    struct Case: Sendable, CustomTestStringConvertible {
        let testDescription: String
        /// The value of the document's field; nil when it has none.
        let found: BSONValue?
        /// The row's.
        let row: BSONValue
        let keepsDocument: Bool
    }

    private static let moment: Int64 = 1_700_000_000_000

    private static let cases = [
        Case(testDescription: "older", found: .date(moment - 1), row: .date(moment), keepsDocument: false),
        Case(testDescription: "newer", found: .date(moment + 1), row: .date(moment), keepsDocument: true),
        Case(testDescription: "tie", found: .date(moment), row: .date(moment), keepsDocument: false),
        // The document has microseconds 200, the row 900 of the same millisecond, or the other way round.
        Case(
            testDescription: "tie below a millisecond",
            found: .date(SourceTime(microseconds: 5_000_900).unixMilliseconds),
            row: .date(SourceTime(microseconds: 5_000_200).unixMilliseconds), keepsDocument: false),
        Case(
            testDescription: "before 1970, cut towards the past",
            found: .date(SourceTime(microseconds: -1_000_000_000_000_001).unixMilliseconds),
            row: .date(SourceTime(microseconds: -1_000_000_000_000_000).unixMilliseconds), keepsDocument: false),
        Case(testDescription: "no field", found: nil, row: .date(moment), keepsDocument: false),
        Case(testDescription: "null", found: .null, row: .date(moment), keepsDocument: false),
        Case(testDescription: "a string", found: "2999-01-01", row: .date(moment), keepsDocument: false),
        Case(testDescription: "a number", found: .int64(.max), row: .date(moment), keepsDocument: false),
        Case(testDescription: "a document", found: ["at": .date(moment + 1)], row: .date(moment), keepsDocument: false),
        Case(testDescription: "an array", found: [.date(moment + 1)], row: .date(moment), keepsDocument: false),
        // Types that MongoDB sorts behind dates.
        Case(testDescription: "a timestamp", found: .timestamp(.max), row: .date(moment), keepsDocument: false),
        Case(testDescription: "the largest key", found: .maxKey, row: .date(moment), keepsDocument: false),
        Case(testDescription: "NULL over a date", found: .date(0), row: .null, keepsDocument: true),
        Case(testDescription: "NULL over none", found: nil, row: .null, keepsDocument: false),
        Case(testDescription: "NULL over null", found: .null, row: .null, keepsDocument: false),
        Case(testDescription: "NULL over a string", found: "x", row: .null, keepsDocument: false),
        Case(testDescription: "infinity over a date", found: .date(moment), row: "infinity", keepsDocument: true),
        Case(testDescription: "infinity over itself", found: "infinity", row: "infinity", keepsDocument: false),
        Case(testDescription: "a date over infinity", found: "infinity", row: .date(moment), keepsDocument: false),
    ]

    /// The ways of a whole document.
    enum Way: CaseIterable, Sendable {
        case chunk, chunkInsertedFirst, copy, streamInsert, streamReplace
    }

    private func write(_ maker: BatchMaker, by way: Way, _ fixture: SinkFixture) async throws {
        if way == .copy {
            let sink = try await fixture.makeCopySink()
            await sink.begin(epoch: try required(try await fixture.store.load(fixture.pipeline)).epoch)
            #expect(try await sink.write(maker.writes, ledger: 1, claim: fixture.claim(for: sink)))
            return
        }
        let sink = try await fixture.makeSink()
        try await fixture.takeOver(sink)
        switch way {
        case .chunk, .chunkInsertedFirst: _ = try await sink.write(maker.chunk(), at: fixture.start)
        default: try await sink.apply(maker.batch(0x200), after: fixture.start)
        }
    }

    /// All cases at once, a document each; and one row that has no document yet.
    @Test(arguments: Way.allCases, ["updated_at", "a.b", "$c", "$$ROOT", "_at"])
    func wholeDocuments(way: Way, field: String) async throws {
        let fixture = try await SinkFixture()
        let inspector = try MongoInspector(uri: try await MongoUnderTest.uri(database: fixture.pool.database))
        let maker = BatchMaker(guardField: field, expectsDocuments: way != .chunkInsertedFirst)
        let kind = way == .streamReplace ? DocumentWrite.Kind.replace : .insert
        var expected: [(case: String, document: BSONDocument)] = []
        for (number, one) in Self.cases.enumerated() {
            let id = BSONValue.int32(Int32(number))
            var found: [(String, BSONValue)] = [("_id", id), ("by", "application")]
            if let value = one.found { found.append((field, value)) }
            try await inspector.insert([BSONDocument(found)], into: "things")
            let row: BSONDocument = ["_id": id, "by": "row", field: one.row]
            maker.add(kind, id, row)
            expected.append((one.testDescription, one.keepsDocument ? BSONDocument(found) : row))
        }
        maker.add(kind, 1000, ["_id": 1000, field: .null])
        expected.append(("no document", ["_id": 1000, field: .null]))
        try await write(maker, by: way, fixture)
        let found = try fixture.documents()
        #expect(found.count == expected.count)
        for (document, wanted) in zip(found, expected) { #expect(document == wanted.document, "\(wanted.case)") }
    }

    /// What an update has sent of a row is set in the document, or nothing of it.
    @Test(arguments: ["updated_at", "a.b", "$c"])
    func partialUpdates(field: String) async throws {
        let fixture = try await SinkFixture()
        let sink = try await fixture.makeSink()
        try await fixture.takeOver(sink)
        let inspector = try MongoInspector(uri: try await MongoUnderTest.uri(database: fixture.pool.database))
        let maker = BatchMaker(hasSpecialNames: true, guardField: field, expectsDocuments: true)
        var expected: [BSONDocument] = []
        for (number, one) in Self.cases.enumerated() {
            let id = BSONValue.int32(Int32(number))
            let fields: [(String, BSONValue)] = [
                ("_id", id), ("x.y", "old"), ("big", "kept"), (field, one.found ?? .null),
            ]
            try await inspector.insert([BSONDocument(fields)], into: "things")
            maker.add(.set, id, ["x.y": "new", field: one.row])
            expected.append(
                one.keepsDocument
                    ? BSONDocument(fields) : ["_id": id, "x.y": "new", "big": "kept", field: one.row])
        }
        // The application has deleted it already.
        maker.add(.set, 1000, [field: .date(1)])
        try await sink.apply(maker.batch(0x200), after: fixture.start)
        #expect(try fixture.documents() == expected)
    }

    /// A document without a row goes if it is known to be no newer than the moment given: else its row may have still
    /// to come.
    @Test(arguments: ["updated_at", "a.b", "$c"])
    func aSweepDeletesWithAMoment(field: String) async throws {
        let fixture = try await SinkFixture()
        let inspector = try MongoInspector(uri: try await MongoUnderTest.uri(database: fixture.pool.database))
        let maker = BatchMaker(guardField: field)
        var kept: [BSONDocument] = []
        for (number, found) in [BSONValue.date(4), .date(5), .date(6), .null, "x"].enumerated() {
            let document: BSONDocument = ["_id": .int32(Int32(number)), field: found]
            try await inspector.insert([document], into: "things")
            maker.add(.delete, .int32(Int32(number)), [field: .date(5)])
            if ![.date(4), .date(5)].contains(found) { kept.append(document) }
        }
        maker.writes.isSweep = true
        try await write(maker, by: .chunk, fixture)
        #expect(try fixture.documents() == kept)
    }

    /// Of a row that is no document: one that is there goes as it would be replaced, unless it is newer. Among rows that
    /// make a unique index be left and taken, too.
    @Test(arguments: [false, true])
    func deletesOfRowsThatAreNoDocuments(isRebuilt: Bool) async throws {
        let fixture = try await SinkFixture()
        let inspector = try MongoInspector(uri: try await MongoUnderTest.uri(database: fixture.pool.database))
        let maker = BatchMaker(guardField: "at", expectsDocuments: true)
        var kept: [BSONDocument] = []
        for (number, found) in [BSONValue.date(4), .date(5), .date(6), .null, "x"].enumerated() {
            let document: BSONDocument = ["_id": .int32(Int32(number)), "at": found, "email": .int32(Int32(number))]
            try await inspector.insert([document], into: "things")
            maker.add(.delete, .int32(Int32(number)), ["at": .date(5)])
            if found == .date(6) { kept.append(document) }
        }
        if isRebuilt {
            try fixture.createUniqueIndex()
            try await inspector.insert([["_id": 10, "email": "a"], ["_id": 11, "email": "b"]], into: "things")
            maker.add(.insert, 10, ["_id": 10, "email": "b"]).add(.insert, 11, ["_id": 11, "email": "a"])
            kept += [["_id": 10, "email": "b"], ["_id": 11, "email": "a"]]
        }
        try await write(maker, by: .chunk, fixture)
        #expect(try fixture.documents() == kept)
    }

    /// A key change that left large values out. The application has moved the document too, or not yet, or has begun
    /// another one under the old key.
    @Test(
        arguments: [
            // Moments under the old key and the new one; what is there afterwards: moment, and where the large value is
            // from.
            (5, nil, "7 old"), (5, 3, "7 old"), (nil, 7, "7 own"), (nil, 5, "5 own"), (nil, 9, "9 own"),
            (9, 9, "9 own"), (9, 7, "7 own"),
            (nil, nil, nil), (9, nil, nil), (9, 3, "3 own"),
        ] as [(Int64?, Int64?, String?)])
    func movedKeys(old: Int64?, new: Int64?, expected: String?) async throws {
        let fixture = try await SinkFixture()
        let sink = try await fixture.makeSink()
        try await fixture.takeOver(sink)
        let inspector = try MongoInspector(uri: try await MongoUnderTest.uri(database: fixture.pool.database))
        for (id, moment, big) in [(1, old, "old"), (2, new, "own")] as [(Int32, Int64?, BSONValue)] {
            guard let moment else { continue }
            try await inspector.insert([["_id": .int32(id), "at": .date(moment), "big": big]], into: "things")
        }
        let batch = BatchMaker(guardField: "at", expectsDocuments: true)
            .add(.delete, 1).add(.move, 2, ["at": .date(7)], from: 1).batch(0x200)
        try await sink.apply(batch, after: fixture.start)
        let found = try fixture.documents()
        #expect(!found.contains { $0["_id"] == 1 })
        let text = found.first.map { "\($0["at"]?.asDate ?? 0) \($0["big"]?.asString ?? "")" }
        #expect(text == expected)
    }

    /// The way through a unique index, which deletes and inserts, keeps what is newer too.
    @Test func valuesSwappedUnderAUniqueIndex() async throws {
        let fixture = try await SinkFixture()
        let sink = try await fixture.makeSink()
        try await fixture.takeOver(sink)
        let inspector = try MongoInspector(uri: try await MongoUnderTest.uri(database: fixture.pool.database))
        try await inspector.createUniqueIndex("things", on: "email")
        try await inspector.insert(
            [
                ["_id": 1, "at": .date(1), "email": "a"], ["_id": 2, "at": .date(1), "email": "b", "big": "2"],
                ["_id": 3, "at": .date(9), "email": "c", "by": "application"],
                ["_id": 4, "at": .date(9), "email": "d", "by": "application"],
                ["_id": 5, "at": .date(9), "email": "e"],
            ], into: "things")
        let batch = BatchMaker(guardField: "at", expectsDocuments: true)
            .add(.replace, 1, ["_id": 1, "at": .date(5), "email": "b"]).add(.set, 2, ["at": .date(5), "email": "a"])
            .add(.replace, 3, ["_id": 3, "at": .date(5), "email": "x"]).add(.set, 4, ["at": .date(5), "email": "y"])
            .add(.delete, 5).add(.insert, 6, ["_id": 6, "at": .null, "email": "e"]).batch(0x200)
        try await sink.apply(batch, after: fixture.start)
        #expect(
            try fixture.documents() == [
                ["_id": 1, "at": .date(5), "email": "b"], ["_id": 2, "at": .date(5), "email": "a", "big": "2"],
                ["_id": 3, "at": .date(9), "email": "c", "by": "application"],
                ["_id": 4, "at": .date(9), "email": "d", "by": "application"], ["_id": 6, "at": .null, "email": "e"],
            ])
    }
}
