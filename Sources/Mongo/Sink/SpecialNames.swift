import BSON

/// Updates of documents with field names that hold a dot or start with `$`. MongoDB reads such names as paths and
/// operators in `$set` and in replacements; `$literal` and `$setField` (MongoDB 5.0) take them as they are.
enum SpecialNames {
    /// A pipeline that puts the whole document.
    static func replacement(_ document: UnsafeRawBufferPointer) throws -> BSONDocument {
        let body = try BSONDocument(validating: document)
        return ["0": ["$replaceWith": ["$literal": .document(body)]]]
    }

    /// A pipeline that sets the fields and keeps the others.
    static func update(_ fields: UnsafeRawBufferPointer) throws -> BSONDocument {
        let stages = try BSONDocument(validating: fields).elements.map { name, value -> BSONValue in
            [
                "$replaceWith": [
                    "$setField": [
                        "field": ["$literal": .string(name)], "input": "$$ROOT", "value": ["$literal": value],
                    ]
                ]
            ]
        }
        return BSONDocument(stages.enumerated().map { (String($0), $1) })
    }
}

extension BSONDocument {
    /// `{$set: fields}`
    static func set(_ fields: UnsafeRawBufferPointer) -> BSONDocument {
        BSONDocument { writer in
            writer.append(document: fields, setName)
        }
    }
}

private let setName: BSONName = {
    guard let name = try? BSONName("$set") else { preconditionFailure("a constant name is valid") }
    return name
}()
