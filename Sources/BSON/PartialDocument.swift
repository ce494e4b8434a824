/// The part of a document that is known, in the shape of the whole: every field in its place, *undefined* where its
/// value is not known. A document inside of which a part is not known is such a document too; any other is a value.
///
/// It begins with a field of type undefined without a name, which no other document has.
package enum PartialDocument {
    package static func begin(in writer: inout BSONWriter) {
        writer.key(mark)
        writer.putUndefined()
    }

    private static let mark = BSONName(constant: "")

    /// `bytes` is a whole document.
    package static func isPartial(_ bytes: UnsafeRawBufferPointer) -> Bool {
        bytes.count > 6 && bytes[4] == BSONType.undefined.rawValue && bytes[5] == 0
    }

    /// The fields, without the mark.
    package static func fields(of document: UnsafeRawBufferPointer) throws(BSONError) -> [BSONElement] {
        var reader = try BSONReader(document)
        var fields: [BSONElement] = []
        _ = try reader.next()
        while let field = try reader.next() { fields.append(field) }
        return fields
    }

    /// Writes the elements of a document that has the known fields of `part`, and for the others what `base` has. Over
    /// a partial document that makes another one. A field that only `base` has is gone, but for `_id`.
    static func lay(
        _ part: UnsafeRawBufferPointer, over base: UnsafeRawBufferPointer, into writer: inout BSONWriter
    ) throws(BSONError) {
        let isPartial = isPartial(base)
        if isPartial { begin(in: &writer) }
        var reader = try BSONReader(base)
        var below: [BSONElement] = []
        while let element = try reader.next() {
            if element.nameBytes.elementsEqual("_id".utf8) { writer.append(element) } else { below.append(element) }
        }
        for field in try fields(of: part) {
            let found = below.first { $0.hasSameName(as: field) }
            if let found, field.type == .undefined {
                writer.append(found)
            } else if field.type == .document, PartialDocument.isPartial(field.valueBytes), found != nil || !isPartial {
                try layInside(field, over: found, into: &writer)
            } else if field.type != .undefined || isPartial {
                // Of a field that a partial document knows nothing of, nothing is known now either.
                writer.append(field)
            }
        }
    }

    private static func layInside(
        _ field: BSONElement, over found: BSONElement?, into writer: inout BSONWriter
    ) throws(BSONError) {
        let start = writer.count
        writer.key(bytes: field.nameBytes)
        let document = writer.putDocument()
        if let found, found.type == .document {
            try lay(field.valueBytes, over: found.valueBytes, into: &writer)
        } else {
            for inner in try fields(of: field.valueBytes) where inner.type != .undefined {
                if inner.type == .document, PartialDocument.isPartial(inner.valueBytes) {
                    try layInside(inner, over: nil, into: &writer)
                } else {
                    writer.append(inner)
                }
            }
        }
        // Nothing is left in it: as in a whole document, it isn't there.
        if writer.count == document + 4 { writer.truncate(to: start) } else { writer.endDocument(document) }
    }
}
