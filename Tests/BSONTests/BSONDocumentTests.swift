import BSON
import TestSupport
import Testing

@Suite struct BSONDocumentTests {
    @Test func writesTheBytesOfTheSpecification() {
        // bsonspec.org, FAQ: {"hello": "world"} and {"BSON": ["awesome", 5.05, 1986]}.
        #expect(
            BSONDocument(dictionaryLiteral: ("hello", "world")).bytes
                == [0x16, 0, 0, 0, 0x02] + Array("hello".utf8) + [0, 6, 0, 0, 0] + Array("world".utf8) + [0, 0])
        let array: BSONDocument = ["BSON": ["awesome", 5.05, 1986]]
        #expect(
            array.bytes
                == [0x31, 0, 0, 0, 0x04] + Array("BSON".utf8) + [0, 0x26, 0, 0, 0, 0x02, 0x30, 0, 8, 0, 0, 0]
                + Array("awesome".utf8) + [
                    0, 0x01, 0x31, 0, 0x33, 0x33, 0x33, 0x33, 0x33, 0x33, 0x14, 0x40, 0x10, 0x32,
                ]
                + [0, 0xC2, 7, 0, 0, 0, 0])
    }

    static let everything: BSONDocument = [
        "double": 1.5, "string": "zwölf", "document": ["a": nil], "array": [1, [2, "x"], true],
        "binary": .binary(subtype: 4, [1, 2, 3]), "oid": .objectID(Array(1...12)), "bool": false, "date": .date(-1),
        "null": nil, "regex": .regex(pattern: "^a", options: "i"), "code": .javascript("f()"), "int32": -7,
        "timestamp": .timestamp(1 << 40 | 9), "int64": .int64(1 << 40), "decimal": .decimal128(Decimal128("12.50")!),
        "min": .minKey, "max": .maxKey, "undefined": .deprecated(.undefined, []),
    ]

    @Test func readsBackWhatItWrites() throws {
        let document = try BSONDocument(validating: Self.everything.bytes)
        #expect(document == Self.everything)
        #expect(BSONDocument(document.elements.map { ($0.name, $0.value) }) == document)
        #expect(document["string"]?.asString == "zwölf")
        #expect(document["document"]?.asDocument?["a"]?.isNull == true)
        #expect(document["array"]?.asArray?.count == 3)
        #expect(document["nothing"] == nil)
        #expect(document.names.first == "double")
        #expect(BSONValue.double(1).asInt64 == 1)
        #expect(BSONValue.double(1.5).asInt64 == nil)
        #expect(BSONValue.integer(1 << 31) == .int64(1 << 31))
    }

    @Test func showsExtendedJSON() {
        let document: BSONDocument = ["a": 1, "b": ["x\"\n", nil, 1.0], "c": .decimal128(Decimal128("1E+3")!)]
        #expect(
            document.debugDescription
                == #"{"a": 1, "b": ["x\"\n", null, 1.0], "c": {"$numberDecimal": "1E+3"}}"#)
    }

    @Test func refusesEveryTruncation() {
        let bytes = Self.everything.bytes
        for count in 0..<bytes.count {
            #expect(throws: BSONError.self) { try BSONDocument(validating: Array(bytes.prefix(count))) }
        }
    }

    @Test func neverTrapsOnDamagedBytes() {
        var random = SeededGenerator(seed: 20_260_101)
        var accepted = 0
        for _ in 0..<20_000 {
            var bytes = Self.everything.bytes
            for _ in 0..<Int.random(in: 1...4, using: &random) {
                bytes[Int.random(in: 0..<bytes.count, using: &random)] = UInt8.random(in: 0...255, using: &random)
            }
            if let document = try? BSONDocument(validating: bytes) {
                accepted += 1
                #expect(document.elements.count > 0 || document.isEmpty)
            }
        }
        #expect(accepted > 0)
    }

    @Test func refusesNestingWithoutEnd() {
        func nested(_ depth: Int) -> [UInt8] {
            var bytes: [UInt8] = [5, 0, 0, 0, 0]
            for _ in 0..<depth {
                let count = UInt32(bytes.count + 8)
                bytes = (0..<4).map { UInt8(truncatingIfNeeded: count >> ($0 * 8)) } + [3, 0x61, 0] + bytes + [0]
            }
            return bytes
        }
        #expect(throws: Never.self) { try BSONDocument(validating: nested(BSONDocument.maximumDepth)) }
        #expect(throws: BSONError(.depth)) { try BSONDocument(validating: nested(BSONDocument.maximumDepth + 1)) }
    }

    @Test func refusesNamesWithNUL() throws {
        #expect(throws: BSONError(.nameWithNUL)) { try BSONName("a\0b") }
        #expect(try BSONName("äb").bytes == Array("äb".utf8) + [0])
        #expect(BSONName.id.text == "_id")
    }

    @Test func refusesStringsThatAreNotUTF8() {
        let bytes: [UInt8] = [14, 0, 0, 0, 2, 0x61, 0, 2, 0, 0, 0, 0xFF, 0, 0]
        #expect(throws: BSONError(.utf8)) { try BSONDocument(validating: bytes) }
    }
}
