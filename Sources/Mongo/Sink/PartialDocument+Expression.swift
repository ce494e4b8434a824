import BSON

extension PartialDocument {
    /// The whole document as MongoDB makes it: the known fields, and for the others those it has. A field that it
    /// doesn't have is left out, as is a document inside with nothing in it.
    static func expression(_ part: UnsafeRawBufferPointer) throws -> BSONValue {
        let fields = try expressions(part, at: "$")
        return .document(BSONDocument([("_id", "$_id")] + fields))
    }

    /// - Parameter path: of the document inside, with a dot behind it.
    private static func expressions(_ part: UnsafeRawBufferPointer, at path: String) throws -> [(String, BSONValue)] {
        try fields(of: part).map { field in
            let name = field.name
            if field.type == .undefined { return (name, .string(path + name)) }
            guard field.type == .document, isPartial(field.valueBytes) else {
                return (name, ["$literal": try field.value()])
            }
            let inside = BSONValue.document(BSONDocument(try expressions(field.valueBytes, at: path + name + ".")))
            return (
                name,
                [
                    "$let": [
                        "vars": ["inside": inside],
                        "in": ["$cond": [["$eq": ["$$inside", [:]]], "$$REMOVE", "$$inside"]],
                    ]
                ]
            )
        }
    }
}
