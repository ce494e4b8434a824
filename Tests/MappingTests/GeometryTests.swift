import BSON
import Model
import Testing

/// What the server itself has no GeoJSON for, or none that can be read.
@Suite struct GeometryTests {
    private let geometry = PostgresType(oid: 99_040, name: "public.geometry", shape: .extended(.geometry))

    /// ST_AsGeoJSON writes `[[1,2],]` (PostGIS 3.3).
    @Test func aPointWithoutCoordinatesAmongOthers() throws {
        let text =
            "0104000000020000000101000000000000000000F03F00000000000000400101000000000000000000F87F000000000000F87F"
        let expected: BSONValue = [
            "type": "MultiPoint", "coordinates": [[.double(1), .double(2)], []],
        ]
        #expect(try SingleValue(geometry).text(text) == expected)
    }

    /// POINT M (1 2 3), CIRCULARSTRING(0 0,1 1,2 0), and a collection of one.
    @Test(arguments: [
        "0101000040000000000000F03F00000000000000400000000000000840",
        "0108000000030000000000000000000000000000000000000000000000"
            + "0000F03F000000000000F03F00000000000000400000000000000000",
        "01070000000100000001080000000300000000000000000000000000000000000000000000000000F03F"
            + "000000000000F03F00000000000000400000000000000000",
    ])
    func whatGeoJSONHasNoWordForStaysText(text: String) throws {
        let value = try SingleValue(geometry).text(text)
        #expect(value == .string(text))
        let bytes = try stride(from: 0, to: text.utf8.count, by: 2).map { offset in
            let start = text.index(text.startIndex, offsetBy: offset)
            return try #require(UInt8(text[start..<text.index(start, offsetBy: 2)], radix: 16))
        }
        #expect(try SingleValue(geometry).encode(.binary, bytes) == value)
    }

    /// Of collections in collections: more than a document has levels for.
    @Test(arguments: [(39, false), (40, true), (99, true), (5000, true)])
    func manyLevels(count: Int, isText: Bool) throws {
        let level = "010700000001000000"
        let text = String(repeating: level, count: count) + "0101000000000000000000F03F0000000000000040"
        let value = try SingleValue(geometry).text(text)
        #expect((value == .string(text)) == isText)
    }

    @Test(arguments: ["01", "0101000000", "0102000000FFFFFFFF", "0107000000FFFFFF7F", "02010000", "0"])
    func brokenBytesAreRefused(text: String) throws {
        let failure = #expect(throws: Failure.self) { try SingleValue(geometry).text(text) }
        #expect(failure?.message.contains("a geometric value that can't be read") == true || text.count < 12)
    }
}
