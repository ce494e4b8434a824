extension BSONWriter {
    /// The value of the element begun last.
    package mutating func put(_ value: BSONValue) {
        switch value {
        case .double(let value): put(double: value)
        case .string(let text): put(string: text)
        case .document(let document): put(document: document)
        case .array(let values):
            let start = putArray()
            for (index, value) in values.enumerated() { append(value, index: index) }
            endDocument(start)
        case .binary(let subtype, let bytes): bytes.withUnsafeBytes { put(binary: $0, subtype: subtype) }
        case .bool(let value): put(bool: value)
        case .date(let milliseconds): put(date: milliseconds)
        case .int32(let value): put(int32: value)
        case .int64(let value): put(int64: value)
        case .decimal128(let value): put(decimal128: value)
        case .null, .minKey, .maxKey: type(value.type)
        case .javascript(let code):
            put(string: code)
            type(.javascript)
        case .timestamp(let value):
            put(int64: Int64(bitPattern: value))
            type(.timestamp)
        case .regex(let pattern, let options):
            type(.regex)
            cstring(pattern)
            cstring(options)
        case .objectID(let bytes), .deprecated(_, let bytes):
            type(value.type)
            bytes.withUnsafeBytes { raw($0) }
        }
    }

    private mutating func cstring(_ text: String) {
        precondition(!text.utf8.contains(0), "a regular expression can't hold a NUL character")
        Array(text.utf8).withUnsafeBytes { raw($0) }
        store(UInt8(0))
    }
}

extension BSONValue {
    /// `depth` counts the documents around the element.
    init(_ element: BSONElement, depth: Int) throws(BSONError) {
        let bytes = element.valueBytes
        switch element.type {
        case .double: self = .double(Double(bitPattern: element.number(UInt64.self)))
        case .string: self = .string(try BSONValue.text(bytes))
        case .javascript: self = .javascript(try BSONValue.text(bytes))
        case .document: self = .document(try BSONDocument(validating: Array(bytes), depth: depth + 1))
        case .array: self = .array(try BSONValue.elements(bytes, depth: depth + 1))
        case .binary: self = .binary(subtype: bytes[4], Array(bytes[5...]))
        case .objectID: self = .objectID(Array(bytes))
        case .bool: self = .bool(bytes[0] == 1)
        case .date: self = .date(element.number(Int64.self))
        case .null: self = .null
        case .minKey: self = .minKey
        case .maxKey: self = .maxKey
        case .int32: self = .int32(element.number(Int32.self))
        case .int64: self = .int64(element.number(Int64.self))
        case .timestamp: self = .timestamp(element.number(UInt64.self))
        case .decimal128:
            let low = element.number(UInt64.self)
            self = .decimal128(Decimal128(high: element.number(UInt64.self, at: 8), low: low))
        case .regex:
            let parts = bytes.split(separator: 0, maxSplits: 2, omittingEmptySubsequences: false)
            guard parts.count == 3 else { throw BSONError(.terminator) }
            self = .regex(
                pattern: try BSONValue.utf8(UnsafeRawBufferPointer(rebasing: parts[0])),
                options: try BSONValue.utf8(UnsafeRawBufferPointer(rebasing: parts[1])))
        case .undefined, .dbPointer, .symbol, .javascriptWithScope: self = .deprecated(element.type, Array(bytes))
        }
    }

    private static func elements(_ bytes: UnsafeRawBufferPointer, depth: Int) throws(BSONError) -> [BSONValue] {
        guard depth <= BSONDocument.maximumDepth else { throw BSONError(.depth) }
        var reader = try BSONReader(bytes)
        var values: [BSONValue] = []
        while let element = try reader.next() { values.append(try BSONValue(element, depth: depth)) }
        return values
    }

    /// A string value with its length and terminator.
    private static func text(_ bytes: UnsafeRawBufferPointer) throws(BSONError) -> String {
        try utf8(UnsafeRawBufferPointer(rebasing: bytes[4..<bytes.count - 1]))
    }

    static func utf8(_ bytes: UnsafeRawBufferPointer) throws(BSONError) -> String {
        guard let text = String(validating: bytes, as: UTF8.self) else { throw BSONError(.utf8) }
        return text
    }
}
