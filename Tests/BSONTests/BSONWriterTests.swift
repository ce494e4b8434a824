import BSON
import TestSupport
import Testing

@Suite struct BSONWriterTests {
    @Test func holdsManyDocumentsBackToBack() throws {
        var writer = BSONWriter(capacity: 1)
        var ranges: [Range<Int>] = []
        let name = try BSONName("n")
        for number in 0..<1000 {
            let start = writer.beginDocument()
            writer.append(int64: Int64(number), name)
            let list = writer.beginArray(try BSONName("list"))
            for index in 0..<12 {
                writer.key(index: index)
                writer.put(int32: Int32(index))
            }
            writer.endDocument(list)
            writer.endDocument(start)
            ranges.append(start..<writer.count)
        }
        #expect(ranges.last?.upperBound == writer.count)
        for (number, range) in ranges.enumerated() {
            let document = try BSONDocument(validating: writer.bytes(in: range))
            #expect(document["n"] == .int64(Int64(number)))
            #expect(document["list"] == .array((0..<12).map { .int32($0) }))
        }
    }

    @Test func arraysCountInDecimal() throws {
        let document = try BSONDocument { writer throws(BSONError) in
            let list = writer.beginArray(try BSONName("a"))
            for index in [0, 9, 10, 99, 100, 12345] { writer.append(.null, index: index) }
            writer.endDocument(list)
        }
        try document.bytes.withUnsafeBytes { bytes in
            var reader = try BSONReader(bytes)
            var inner = try BSONReader(try #require(try reader.next()).valueBytes)
            var names: [String] = []
            while let element = try inner.next() { names.append(element.name) }
            #expect(names == ["0", "9", "10", "99", "100", "12345"])
        }
    }

    @Test func writesStringsInPieces() throws {
        let name = try BSONName("s")
        let document = BSONDocument { writer in
            writer.key(name)
            let start = writer.beginString()
            writer.appendToString(0x61)
            Array("bc".utf8).withUnsafeBytes { writer.appendToString($0) }
            writer.endString(start)
            writer.key(name)
            writer.put(binaryOf: 3, subtype: 0) { $0[1] = 7 }
        }
        #expect(
            try BSONDocument(validating: document.bytes).elements.map(\.value) == [
                "abc", .binary(subtype: 0, [0, 7, 0]),
            ])
    }

    @Test func truncatingForgetsTheEnd() {
        var writer = BSONWriter()
        let document: BSONDocument = ["a": 1]
        let first = writer.append(document)
        _ = writer.append(["b": 2])
        writer.truncate(to: first.upperBound)
        #expect(writer.withUnsafeBytes { Array($0) } == document.bytes)
        writer.truncate(to: 0)
        #expect(writer.count == 0)
    }

    @Test func mergesTheTopLevel() throws {
        func merged(_ base: BSONDocument, _ overlay: BSONDocument) throws -> BSONDocument {
            var writer = BSONWriter()
            _ = writer.append(["before": 1])
            let range = try base.bytes.withUnsafeBytes { base in
                try overlay.bytes.withUnsafeBytes { try mergeDocuments(base: base, overlay: $0, into: &writer) }
            }
            #expect(range.upperBound == writer.count)
            return try BSONDocument(validating: writer.bytes(in: range))
        }
        #expect(
            try merged(["_id": 1, "a": 1, "b": ["x": 1], "c": 3], ["b": ["y": 2], "a": nil, "d": 4])
                == ["_id": 1, "a": nil, "b": ["y": 2], "c": 3, "d": 4])
        #expect(try merged(["a": 1], [:]) == ["a": 1])
        #expect(try merged([:], ["a": 1, "aa": 2]) == ["a": 1, "aa": 2])
        // What neither part of a document knows stays unknown: the document may have it.
        let unknown = BSONValue.deprecated(.undefined, [])
        let inside: BSONValue = ["": unknown, "x": 1, "y": unknown]
        #expect(
            try merged(["": unknown, "a": 1], ["": unknown, "a": unknown, "b": unknown, "in": inside])
                == ["": unknown, "a": 1, "b": unknown, "in": inside])
        #expect(
            try merged(["_id": 1, "a": 1], ["": unknown, "a": unknown, "b": unknown, "in": inside])
                == ["_id": 1, "a": 1, "in": ["x": 1]])
    }

    @Test func aMergeOfDamagedBytesLeavesTheWriterAsItWas() {
        var writer = BSONWriter()
        let base: BSONDocument = ["a": 1, "b": "text"]
        var damaged = base.bytes
        damaged[damaged.count - 8] = 0x7F
        let range = damaged.withUnsafeBytes { damaged in
            base.bytes.withUnsafeBytes { try? mergeDocuments(base: damaged, overlay: $0, into: &writer) }
        }
        #expect(range == nil)
        #expect(writer.count == 0)
    }

    /// Large buffers are used again by whoever comes next, in any thread.
    @Test func writersDoNotShareMemory() async {
        await withTaskGroup(of: Bool.self) { group in
            for id in 1...8 as ClosedRange<UInt8> {
                group.addTask {
                    var generator = SeededGenerator(seed: UInt64(id))
                    return (1...100).allSatisfy { _ in
                        var writer = BSONWriter(capacity: Int.random(in: 1...200_000, using: &generator))
                        let start = writer.beginString()
                        for _ in 0..<Int.random(in: 1...3000, using: &generator) {
                            Array(repeating: id, count: 100).withUnsafeBytes { writer.appendToString($0) }
                        }
                        writer.endString(start)
                        return writer.withUnsafeBytes { $0.dropFirst(4).dropLast(1).allSatisfy { $0 == id } }
                    }
                }
            }
            for await isOwn in group { #expect(isOwn) }
        }
    }
}
