import BSON
import DriverReader
import Foundation
import Model

/// A document as MongoDB's own driver reads it, as canonical extended JSON: beside `MongoInspector`, whose documents are
/// read by Wherry's code.
package struct DriverDocument {
    private let json: [String: Any]

    /// All documents of a collection, in the order of `_id`.
    package static func all(_ collection: String, on database: String, uri: String) throws -> [DriverDocument] {
        final class Texts { var all: [String] = [] }
        let texts = Texts()
        var message = [CChar](repeating: 0, count: 504)
        let done = driver_read(
            uri, database, collection,
            { Unmanaged<Texts>.fromOpaque($1!).takeUnretainedValue().all.append(String(cString: $0!)) },
            Unmanaged.passUnretained(texts).toOpaque(), &message)
        guard done else {
            throw TestFailure("the driver says: \(String(decoding: message.map(UInt8.init), as: UTF8.self))")
        }
        return try texts.all.map { text in
            guard let json = try JSONSerialization.jsonObject(with: Data(text.utf8)) as? [String: Any] else {
                throw TestFailure("the driver's document is none")
            }
            return DriverDocument(json: json)
        }
    }

    /// Names of the fields that it hasn't as this document has them.
    package func differences(from document: BSONDocument) -> [String] {
        let names = Set(json.keys).union(document.elements.map(\.name))
        return names.sorted().filter { name in
            guard let json = json[name], let value = document[name] else { return true }
            return !DriverDocument.isEqual(json, value)
        }
    }

    private static func isEqual(_ json: Any, _ value: BSONValue) -> Bool {
        let word = json as? [String: Any] ?? [:]
        func holds(_ name: String, _ text: String) -> Bool { word.count == 1 && word[name] as? String == text }
        switch value {
        case .null: return json is NSNull
        case .bool(let value): return json as? Bool == value
        case .string(let text): return json as? String == text
        case .int32(let number): return holds("$numberInt", "\(number)")
        case .int64(let number): return holds("$numberLong", "\(number)")
        case .decimal128(let number): return holds("$numberDecimal", number.description)
        case .double(let number):
            let text = word["$numberDouble"] as? String
            let read = text == "NaN" ? Double.nan : text.flatMap { Double($0) }
            return word.count == 1 && (read?.bitPattern == number.bitPattern || read?.isNaN == true && number.isNaN)
        case .date(let milliseconds):
            let date = word["$date"] as? [String: Any]
            return word.count == 1 && date?["$numberLong"] as? String == "\(milliseconds)"
        case .binary(let subtype, let bytes):
            let binary = word["$binary"] as? [String: Any]
            return word.count == 1 && binary?["base64"] as? String == Data(bytes).base64EncodedString()
                && binary?["subType"] as? String == (subtype < 16 ? "0" : "") + String(subtype, radix: 16)
        case .array(let values):
            guard let elements = json as? [Any], elements.count == values.count else { return false }
            return zip(elements, values).allSatisfy { isEqual($0, $1) }
        case .document(let document):
            guard json is [String: Any] else { return false }
            return DriverDocument(json: word).differences(from: document).isEmpty
        default: return false
        }
    }
}
