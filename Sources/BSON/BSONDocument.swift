/// One whole, valid document that owns its bytes: commands, answers, state. Equal when the bytes are equal, so the
/// order of fields and the type of numbers count.
package struct BSONDocument: Hashable, Sendable {
    package let bytes: [UInt8]

    /// Documents nested deeper are refused; MongoDB itself allows 180 levels (`BSONDepth::kDefaultMaxAllowableDepth`).
    package static let maximumDepth = 200

    /// The empty document.
    package init() { bytes = [5, 0, 0, 0, 0] }

    /// Takes bytes from outside. Throws `BSONError` when they are not exactly one well-formed document, nested ones and
    /// UTF-8 included.
    package init(validating bytes: [UInt8]) throws(BSONError) {
        try self.init(validating: bytes, depth: 0)
    }

    package init(validating bytes: UnsafeRawBufferPointer) throws(BSONError) {
        try self.init(validating: Array(bytes), depth: 0)
    }

    init(validating bytes: [UInt8], depth: Int) throws(BSONError) {
        let failure = bytes.withUnsafeBytes { bytes -> BSONError? in
            do throws(BSONError) {
                try BSONDocument.validate(bytes, depth: depth)
                return nil
            } catch { return error }
        }
        if let failure { throw failure }
        self.bytes = bytes
    }

    /// Takes bytes that a `BSONWriter` of this program made.
    package init(unchecked bytes: [UInt8]) { self.bytes = bytes }

    /// Fields in the order given. Names come from code, never from data: one with a NUL character is a defect and
    /// traps.
    package init(_ elements: some Sequence<(String, BSONValue)>) {
        var writer = BSONWriter(capacity: 256)
        let start = writer.beginDocument()
        for (name, value) in elements {
            guard let name = try? BSONName(name) else { preconditionFailure("a field name holds a NUL character") }
            writer.append(value, name)
        }
        writer.endDocument(start)
        bytes = writer.bytes(in: start..<writer.count)
    }

    /// Builds a document by hand: `build` appends the elements.
    package init<Failure: Error>(build: (inout BSONWriter) throws(Failure) -> Void) throws(Failure) {
        var writer = BSONWriter(capacity: 256)
        let start = writer.beginDocument()
        try build(&writer)
        writer.endDocument(start)
        bytes = writer.bytes(in: start..<writer.count)
    }

    /// All bytes at once: hashed one by one, as an array's are, they take several times as long.
    package func hash(into hasher: inout Hasher) { bytes.withUnsafeBytes { hasher.combine(bytes: $0) } }

    /// Whether there is no field.
    package var isEmpty: Bool { bytes.count <= 5 }

    /// The first field of that name. Fields are searched from the front; a nested name is not a path.
    package subscript(_ name: String) -> BSONValue? {
        bytes.withUnsafeBytes { bytes in
            guard var reader = try? BSONReader(bytes) else { return nil }
            while let element = try? reader.next() {
                if element.nameBytes.elementsEqual(name.utf8) { return try? element.value() }
            }
            return nil
        }
    }

    /// Names and values in their order.
    package var elements: [(name: String, value: BSONValue)] {
        bytes.withUnsafeBytes { bytes in
            var elements: [(name: String, value: BSONValue)] = []
            guard var reader = try? BSONReader(bytes) else { return elements }
            while let element = try? reader.next() {
                guard let value = try? element.value() else { break }
                elements.append((element.name, value))
            }
            return elements
        }
    }

    package var names: [String] { elements.map(\.name) }

    /// Checks one document and everything nested in it. Throws `BSONError`.
    package static func validate(_ bytes: UnsafeRawBufferPointer, depth: Int = 0) throws(BSONError) {
        guard depth <= maximumDepth else { throw BSONError(.depth) }
        var reader = try BSONReader(bytes)
        while let element = try reader.next() {
            _ = try BSONValue.utf8(element.nameBytes)
            switch element.type {
            case .document, .array: try validate(element.valueBytes, depth: depth + 1)
            case .string, .javascript, .regex: _ = try element.value()
            default: break
            }
        }
    }
}

extension BSONDocument: ExpressibleByDictionaryLiteral {
    package init(dictionaryLiteral elements: (String, BSONValue)...) { self.init(elements) }
}

extension BSONDocument: Sequence {
    package func makeIterator() -> IndexingIterator<[(name: String, value: BSONValue)]> { elements.makeIterator() }
}
